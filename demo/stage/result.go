package stage

import (
	"errors"
	"time"

	"decoupled.example/demo/deployment"
)

// Result is what came of a scenario.
type Result struct {
	Scenario string    `json:"scenario"`
	On       string    `json:"on"`   // the kind of deployment
	Seed     uint64    `json:"seed"` // the same seed plays the same scenario
	Verdict  Verdict   `json:"verdict"`
	Why      string    `json:"why,omitempty"` // it was skipped, or could not be played to its end
	Checks   []Check   `json:"checks"`
	Measured []Measure `json:"measured"`
	Tables   []Table   `json:"tables,omitempty"`
	Depths   []Sample  `json:"-"`
	Seconds  float64   `json:"seconds"`
}

// Verdict is whether a scenario's claim holds.
type Verdict string

// The verdicts.
const (
	Holds   Verdict = "holds"
	Fails   Verdict = "fails"
	Skipped Verdict = "skipped" // the kind of deployment cannot do what it needs
)

// Check is one thing that must hold for the claim to hold.
type Check struct {
	Claim    string `json:"claim"`
	Holds    bool   `json:"holds"`
	Observed string `json:"saw"` // what was seen of it
}

// Measure is a number that was measured. Nothing depends on it.
type Measure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit,omitempty"`
}

// Table is numbers side by side.
type Table struct {
	Head []string   `json:"head"`
	Rows [][]string `json:"rows"`
}

// conclude gives the verdict. A scenario without a single check has shown
// nothing, so its claim does not hold.
func (r *Result) conclude(failed error, took time.Duration) {
	r.Seconds = took.Seconds()
	r.Verdict = Holds
	for _, c := range r.Checks {
		if !c.Holds {
			r.Verdict = Fails
		}
	}
	switch {
	case errors.Is(failed, deployment.ErrUnsupported):
		r.Verdict, r.Why = Skipped, failed.Error()
	case failed != nil:
		r.Verdict, r.Why = Fails, failed.Error()
	case len(r.Checks) == 0:
		r.Verdict, r.Why = Fails, "nothing was checked"
	}
}
