package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"decoupled.example/console/reset"
)

type resetCommand struct {
	Yes     bool          `help:"Really: everything in queues, ledgers and dead letters is lost."`
	Timeout time.Duration `default:"60s" help:"How long to wait for what the replicas have in hand."`
}

// Validate is called by kong.
func (c resetCommand) Validate() error {
	switch {
	case !c.Yes:
		return errors.New("reset removes everything from queues, ledgers and dead letters: say --yes")
	case c.Timeout <= 0:
		return fmt.Errorf("--timeout must be more than 0s, not %v", c.Timeout)
	}
	return nil
}

// Run resets.
func (c resetCommand) Run(s *session) error {
	ctx, cancel := context.WithTimeout(s.ctx, c.Timeout)
	defer cancel()
	if err := reset.Run(ctx, s.conn, s.js); err != nil {
		return err
	}
	return s.print(map[string]bool{"reset": true}, func() { s.say("queues, ledgers and dead letters are empty") })
}
