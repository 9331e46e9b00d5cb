package verify

import "fmt"

// maxFindings bounds how many findings a verdict lists.
const maxFindings = 20

// Verdict is what a verification found.
type Verdict struct {
	// Entries in each ledger when the verification began.
	Asked     uint64 `json:"asked"`
	Generated uint64 `json:"generated"`
	Stored    uint64 `json:"stored"`
	Received  uint64 `json:"received"`

	// Requests by what became of them; see the package comment.
	Complete    uint64 `json:"complete"`
	Lost        uint64 `json:"lost"`
	Outstanding uint64 `json:"outstanding"`
	Dead        uint64 `json:"dead"`
	Recovered   uint64 `json:"recovered"`
	Unexpected  uint64 `json:"unexpected"`
	Mismatched  uint64 `json:"mismatched"`
	Duplicated  uint64 `json:"duplicated"`
	Expired     uint64 `json:"expired"`

	// Letters is the number of dead letters, also of messages that belong to
	// no request.
	Letters uint64 `json:"letters"`

	// Findings name what is wrong: the first 20.
	Findings []Finding `json:"findings,omitempty"`
}

// Finding is one thing that is wrong.
type Finding struct {
	ID   string `json:"id"`
	What string `json:"what"` // "lost: asked, never generated"
}

func (f Finding) String() string { return f.ID + " " + f.What }

// OK is true when nothing is lost and nothing was done twice.
func (v Verdict) OK() bool {
	return v.Lost == 0 && v.Unexpected == 0 && v.Mismatched == 0 && v.Duplicated == 0
}

// Finished is true when nothing is outstanding either.
func (v Verdict) Finished() bool { return v.OK() && v.Outstanding == 0 }

func (v *Verdict) find(id, format string, args ...any) {
	if len(v.Findings) < maxFindings {
		v.Findings = append(v.Findings, Finding{ID: id, What: fmt.Sprintf(format, args...)})
	}
}
