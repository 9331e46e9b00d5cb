package verify

import "fmt"

// maxFindings bounds how many findings a verdict lists.
const maxFindings = 20

// Verdict is the result of a verification.
type Verdict struct {
	// Entries in each ledger when the verification began.
	Asked     uint64 `json:"asked"`
	Generated uint64 `json:"generated"`
	Stored    uint64 `json:"stored"`
	Received  uint64 `json:"received"`

	// Requests by verdict; see the package comment.
	Complete    uint64 `json:"complete"`
	Lost        uint64 `json:"lost"`
	Outstanding uint64 `json:"outstanding"`
	Dead        uint64 `json:"dead"`
	Recovered   uint64 `json:"recovered"`
	Unexpected  uint64 `json:"unexpected"`
	Mismatched  uint64 `json:"mismatched"`
	Duplicated  uint64 `json:"duplicated"`
	Expired     uint64 `json:"expired"` // not judged

	// DeadLetters is the number of dead letters, also of messages that belong to
	// no request.
	DeadLetters uint64 `json:"letters"`

	// Findings name what is wrong: the first 20.
	Findings []Finding `json:"findings,omitempty"`
}

// Finding is one thing that is wrong.
type Finding struct {
	ID   string `json:"id"`
	What string `json:"what"` // "lost: asked, never generated"
}

func (f Finding) String() string { return f.ID + " " + f.What }

// Judged is the number of requests that were judged, whatever became of them.
func (v Verdict) Judged() uint64 {
	return v.Complete + v.Lost + v.Outstanding + v.Dead + v.Recovered + v.Unexpected + v.Mismatched
}

// Unjudged reports whether the ledgers hold entries and not one could be judged.
func (v Verdict) Unjudged() bool {
	return v.Judged() == 0 && v.Asked+v.Generated+v.Stored+v.Received > 0
}

// OK reports whether nothing was lost and nothing was done twice, as far as that could be
// judged. It is false if there are entries and none could be judged.
func (v Verdict) OK() bool {
	return v.Lost == 0 && v.Unexpected == 0 && v.Mismatched == 0 && v.Duplicated == 0 && !v.Unjudged()
}

// Conclusion is the verdict in one line.
func (v Verdict) Conclusion() string {
	if v.Unjudged() {
		return "NOT JUDGED: a part of everything that the ledgers hold may have expired"
	}
	if !v.OK() {
		return "FAILED"
	}
	line := "OK: nothing was lost, nothing was done twice"
	if v.Outstanding > 0 {
		line = fmt.Sprintf("OK so far: nothing was lost, nothing was done twice; %d are not finished", v.Outstanding)
	}
	if v.Expired > 0 {
		line += fmt.Sprintf("; %d could not be judged, as a part of each may have expired", v.Expired)
	}
	return line
}

// Finished reports whether nothing is outstanding either.
func (v Verdict) Finished() bool { return v.OK() && v.Outstanding == 0 }

func (v *Verdict) find(id, format string, args ...any) {
	if len(v.Findings) < maxFindings {
		v.Findings = append(v.Findings, Finding{ID: id, What: fmt.Sprintf(format, args...)})
	}
}
