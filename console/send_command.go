package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"decoupled.example/console/internal/ask"
	"decoupled.example/console/send"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

// maxSend is how many requests are sent at once at most: with --json all their
// IDs are kept, to be printed.
const maxSend = 10_000_000

// maxPause bounds the pause between two requests that is waited for.
const maxPause = 365 * 24 * time.Hour

type sendCommand struct {
	N             int     `arg:"" optional:"" help:"How many requests."`
	Rate          float64 `help:"At most so many a second. 0: as fast as it goes."`
	Malformed     bool    `help:"Send instead a message that no version of the contract allows."`
	FutureVersion bool    `help:"Send instead a request of a version that no replica knows yet."`
	Duplicate     bool    `help:"Publish each request twice, as a publisher does that heard no confirmation."`
}

// Validate names what is out of range or does not fit together. It is called by
// kong.
func (c sendCommand) Validate() error {
	switch {
	case c.Malformed && c.FutureVersion:
		return errors.New("--malformed and --future-version are two different messages: send one after the other")
	case (c.Malformed || c.FutureVersion) && (c.N != 0 || c.Duplicate || c.Rate != 0):
		return errors.New("--malformed and --future-version send one message each, and take nothing else")
	case !c.Malformed && !c.FutureVersion && (c.N < 1 || c.N > maxSend):
		return fmt.Errorf("how many to send must be at least 1 and at most %d, not %d", maxSend, c.N)
	case !(c.Rate >= 0 && c.Rate <= 1e6): // so that NaN is out of range too
		return fmt.Errorf("--rate must be from 0 to 1000000 a second, not %v", c.Rate)
	}
	return nil
}

// sent is the result as JSON.
type sent struct {
	Sent int      `json:"sent"`
	IDs  []string `json:"ids"`
}

// Run sends.
func (c sendCommand) Run(s *session) error {
	switch {
	case c.Malformed:
		return c.one(s, "a malformed message", func(ctx context.Context) error { return send.Malformed(ctx, s.js) })
	case c.FutureVersion:
		return c.one(s, "a request of a future version", func(ctx context.Context) error { return send.FutureVersion(ctx, s.js) })
	}
	// Publishing waits for a queue that is still to be made.
	if err := ask.Present(s.ctx, s.js, topology.Requests, "KV_"+topology.Asked); err != nil {
		return fmt.Errorf("cannot send: %w", err)
	}
	s.alive(c.pause())
	bar := newProgress(s.err)
	result, first, last := sent{IDs: []string{}}, "", ""
	err := ask.WhileAllowed(s.ctx, s.conn, func(ctx context.Context) error {
		return send.Requests(ctx, s.topology, c.N, c.Rate, func(burst []contract.Request) error {
			s.alive(c.pause())
			result.Sent += len(burst)
			first, last = cmp.Or(first, burst[0].ID), burst[len(burst)-1].ID
			if s.json {
				for _, request := range burst {
					result.IDs = append(result.IDs, request.ID)
				}
			}
			bar.show(uint64(result.Sent), uint64(c.N), "sent")
			if !c.Duplicate {
				return nil
			}
			return send.Repeat(ctx, s.topology, burst)
		})
	})
	bar.end()
	if errors.Is(err, nats.ErrPermissionViolation) {
		err = fmt.Errorf("cannot send: %w", err)
	}
	printed := s.print(result, func() {
		if result.Sent > 0 {
			s.say("sent %d requests, the first %s, the last %s", result.Sent, first, last)
		}
		if c.Duplicate && err == nil {
			s.say("and published each of them a second time")
		}
	})
	return errors.Join(err, printed)
}

// pause is how long the command itself waits between two bursts, at most: a burst is
// at least one request.
func (c sendCommand) pause() time.Duration {
	if c.Rate == 0 {
		return 0
	}
	return time.Duration(min(max(1, 1/c.Rate), maxPause.Seconds()) * float64(time.Second))
}

func (c sendCommand) one(s *session, what string, publish func(context.Context) error) error {
	if err := publish(s.ctx); err != nil {
		return err
	}
	return s.print(sent{Sent: 1, IDs: []string{}}, func() { s.say("sent %s; it will become a dead letter", what) })
}
