package main

import (
	"fmt"
	"time"

	"decoupled.example/console/pause"
)

type pauseCommand struct {
	Queue queueName      `arg:"" help:"REQUESTS, RESPONSES or RECEIPTS."`
	For   *time.Duration `help:"Resume after this time. Without it: until a resume."`
}

// Validate names what is out of range. It is called by kong.
func (c pauseCommand) Validate() error {
	if c.For != nil && *c.For <= 0 {
		return fmt.Errorf("--for must be more than 0s, not %v", *c.For)
	}
	return nil
}

// Run pauses.
func (c pauseCommand) Run(s *session) error {
	queue, d, end := string(c.Queue), pause.Forever, "until it is resumed"
	if c.For != nil {
		d, end = *c.For, fmt.Sprintf("for %v", *c.For)
	}
	if err := pause.Queue(s.ctx, s.js, queue, d); err != nil {
		return err
	}
	return s.print(map[string]any{"queue": queue, "paused": true}, func() { s.say("%s is paused %s", queue, end) })
}

type resumeCommand struct {
	Queue queueName `arg:"" help:"REQUESTS, RESPONSES or RECEIPTS."`
}

// Run resumes.
func (c resumeCommand) Run(s *session) error {
	queue := string(c.Queue)
	if err := pause.Resume(s.ctx, s.js, queue); err != nil {
		return err
	}
	return s.print(map[string]any{"queue": queue, "paused": false}, func() { s.say("%s flows", queue) })
}
