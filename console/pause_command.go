package main

import (
	"strings"
	"time"

	"decoupled.example/console/pause"
)

type pauseCommand struct {
	Queue string        `arg:"" help:"REQUESTS, RESPONSES or RECEIPTS."`
	For   time.Duration `help:"Resume after this time. Without it: when someone resumes."`
}

// Run pauses.
func (c pauseCommand) Run(s *session) error {
	queue, d := strings.ToUpper(c.Queue), c.For
	if d == 0 {
		d = pause.Forever
	}
	if err := pause.Queue(s.ctx, s.js, queue, d); err != nil {
		return err
	}
	return s.print(map[string]any{"queue": queue, "paused": true}, func() {
		if c.For == 0 {
			s.say("%s is paused until it is resumed", queue)
			return
		}
		s.say("%s is paused for %v", queue, d)
	})
}

type resumeCommand struct {
	Queue string `arg:"" help:"REQUESTS, RESPONSES or RECEIPTS."`
}

// Run resumes.
func (c resumeCommand) Run(s *session) error {
	queue := strings.ToUpper(c.Queue)
	if err := pause.Resume(s.ctx, s.js, queue); err != nil {
		return err
	}
	return s.print(map[string]any{"queue": queue, "paused": false}, func() { s.say("%s flows", queue) })
}
