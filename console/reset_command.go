package main

import (
	"errors"
	"fmt"
	"time"

	"decoupled.example/console/reset"
)

type resetCommand struct {
	Yes     bool          `help:"Confirm: everything in queues, ledgers and dead letters is deleted."`
	Timeout time.Duration `default:"60s" help:"How long it may take, mostly to wait for messages in flight."`
}

// Validate is called by kong.
func (c resetCommand) Validate() error {
	switch {
	case !c.Yes:
		return errors.New("reset removes everything from queues, ledgers and dead letters: confirm with --yes")
	case c.Timeout <= 0:
		return fmt.Errorf("--timeout must be more than 0s, not %v", c.Timeout)
	}
	return nil
}

// Run resets.
func (c resetCommand) Run(s *session) error {
	said := ""
	err := reset.Run(s.ctx, s.conn, s.js, c.Timeout, func(now string) {
		s.alive(0) // it was looked, or something was done
		if now != said {
			said = now
			fmt.Fprintln(s.err, now)
		}
	})
	if err != nil {
		return err
	}
	return s.print(map[string]bool{"reset": true}, func() { s.say("queues, ledgers and dead letters are empty") })
}
