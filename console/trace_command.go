package main

import (
	"time"

	"decoupled.example/console/internal/shown"
	"decoupled.example/console/trace"
)

type traceCommand struct {
	ID string `arg:"" help:"The request's ID."`
}

// Run traces.
func (c traceCommand) Run(s *session) error {
	life, err := trace.Request(s.ctx, s.js, s.topology, c.ID)
	if err != nil {
		return err
	}
	return s.print(life, func() {
		for i, step := range life.Steps {
			after := ""
			if i > 0 {
				after = "+" + step.After.Round(10*time.Microsecond).String()
			}
			s.say("%-10s %s  %-10s %s", step.Name, step.At.Local().Format("15:04:05.000000"), after, shown.Text(step.Value))
		}
		if life.DeadLetter != nil {
			s.say("%-10s %s  %-10s dead letter %s from %s: %s", "dead", life.DeadLetter.Stored.Local().Format("15:04:05.000000"), "",
				life.DeadLetter.ID, shown.Text(life.DeadLetter.Queue), shown.Text(life.DeadLetter.Reason))
		}
		s.say("%s", shown.Text(life.Where))
	})
}
