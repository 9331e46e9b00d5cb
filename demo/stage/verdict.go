package stage

import (
	"fmt"
	"time"

	"decoupled.example/console/verify"
)

// Holds judges: for the scenario's claim to hold, this must. What was seen is
// told either way.
func (s *Stage) Holds(claim string, holds bool, saw string, args ...any) {
	c := Check{Claim: claim, Holds: holds, Observed: fmt.Sprintf(saw, args...)}
	s.result.Checks = append(s.result.Checks, c)
	s.teller.Judged(c)
}

// Measure keeps a number that was measured. Nothing depends on it.
func (s *Stage) Measure(name string, value float64, unit string) {
	s.result.Measured = append(s.result.Measured, Measure{Name: name, Value: value, Unit: unit})
}

// MeasureTime keeps a time that was measured.
func (s *Stage) MeasureTime(name string, d time.Duration) {
	s.Measure(name, float64(d.Microseconds())/1000, "ms")
}

// Table keeps numbers to be shown side by side.
func (s *Stage) Table(head []string, rows ...[]string) {
	s.result.Tables = append(s.result.Tables, Table{Head: head, Rows: rows})
}

// Verified judges from the ledgers that all n requests, and nothing else, are
// complete: none lost, none done twice, none left. Queues must be drained.
func (s *Stage) Verified(n int) verify.Verdict {
	v := s.Verify()
	s.Holds(allIsWell, v.Finished() && v.DeadLetters == 0 && v.Complete == uint64(n) && v.Recovered == 0, "of %d, %s", n, tally(v))
	return v
}

// VerifiedOfAtLeast is Verified where requestors that ask were killed: they have
// asked for more than the n, and what one had published and not yet recorded is
// recovered, which is no error.
func (s *Stage) VerifiedOfAtLeast(n int) {
	v := s.Verify()
	s.Holds(allIsWell, v.Finished() && v.DeadLetters == 0 && v.Complete >= uint64(n) && v.Complete == v.Asked,
		"of %d or more, %s", n, tally(v))
}

const allIsWell = "nothing is lost, nothing is done twice, nothing is left"

// Verify reads the ledgers.
func (s *Stage) Verify() verify.Verdict {
	o := s.Operator()
	ctx, cancel := s.patient("the ledgers are verified")
	defer cancel()
	v, err := verify.Run(ctx, o.JS, o.Topology, nil)
	s.must(ctx, err)
	return v
}

// tally is a verdict of the console in one line.
func tally(v verify.Verdict) string {
	text := fmt.Sprintf("%d complete, %d lost, %d duplicated", v.Complete, v.Lost, v.Duplicated+v.Mismatched)
	for _, more := range []struct {
		n    uint64
		what string
	}{{v.Outstanding, "left"}, {v.DeadLetters, "dead-lettered"}, {v.Recovered, "recovered"}, {v.Unexpected, "unexpected"}} {
		if more.n > 0 {
			text += fmt.Sprintf(", %d %s", more.n, more.what)
		}
	}
	if len(v.Findings) > 0 {
		text += "; first: " + v.Findings[0].String()
	}
	return text
}
