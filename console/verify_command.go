package main

import "decoupled.example/console/verify"

type verifyCommand struct{}

// Run verifies.
func (verifyCommand) Run(s *session) error {
	bar := newProgress(s.err)
	v, err := verify.Run(s.ctx, s.js, s.topology, func(walked, whole uint64) {
		s.alive(0)
		bar.show(walked, whole, "entries verified")
	})
	bar.end()
	if err != nil {
		return err
	}
	result := struct {
		verify.Verdict
		OK bool `json:"ok"`
	}{v, v.OK()}
	if err := s.print(result, func() { printVerdict(s, v) }); err != nil {
		return err
	}
	if !v.OK() {
		return errCheckFailed
	}
	return nil
}

func printVerdict(s *session, v verify.Verdict) {
	rows := []struct {
		word  string
		n     uint64
		shown bool // also when it is 0
		note  string
	}{
		{"asked", v.Asked, true, ""},
		{"generated", v.Generated, true, ""},
		{"stored", v.Stored, true, ""},
		{"received", v.Received, true, ""},
		{"complete", v.Complete, true, ""},
		{"outstanding", v.Outstanding, true, ""},
		{"dead-lettered", v.DeadLetters, true, ""},
		{"recovered", v.Recovered, false, "answered, though never recorded as asked"},
		{"expired", v.Expired, false, "not judged: a part of each may have expired from the ledgers"},
		{"lost", v.Lost, true, ""},
		{"duplicated", v.Duplicated, true, ""},
		{"mismatched", v.Mismatched, true, ""},
		{"unexpected", v.Unexpected, true, ""},
	}
	for _, r := range rows {
		switch {
		case r.note != "" && r.n > 0:
			s.say("%-14s%10d   %s", r.word, r.n, r.note)
		case r.shown:
			s.say("%-14s%10d", r.word, r.n)
		}
	}
	for _, f := range v.Findings {
		s.say("  %s", f)
	}
	s.say("%s", v.Conclusion())
}
