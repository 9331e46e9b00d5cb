package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"decoupled.example/console/drain"
	"decoupled.example/console/status"
	"decoupled.example/shared/topology"
)

// reasonsWithin is how long it may take to find out why the queues are not
// drained, on top of the timeout.
const reasonsWithin = 5 * time.Second

type drainCommand struct {
	Timeout time.Duration `default:"60s" help:"How long to wait."`
}

// Validate names what is out of range. It is called by kong.
func (c drainCommand) Validate() error {
	if c.Timeout <= 0 {
		return fmt.Errorf("--timeout must be more than 0s, not %v", c.Timeout)
	}
	return nil
}

// drained is the result as JSON.
type drained struct {
	Drained     bool           `json:"drained"`
	Seconds     float64        `json:"seconds"`
	DeadLetters uint64         `json:"dead_letters"`
	Remains     drain.Snapshot `json:"remains,omitempty"`
	Why         []string       `json:"why,omitempty"`
}

// Run waits. An outage of the broker counts towards the timeout.
func (c drainCommand) Run(s *session) error {
	s.unbounded()
	ctx, cancel := context.WithTimeout(s.ctx, c.Timeout)
	defer cancel()
	bar := newProgress(s.err)
	fall := fall{begun: time.Now()}
	var last drain.Snapshot
	err := drain.Wait(ctx, s.js, func(now drain.Snapshot) {
		last = now
		for _, q := range now {
			if q.StuckAcks > 0 {
				bar.say("%s: the broker kept %d messages although they were acked; it redelivers them now", q.Stream, q.StuckAcks)
			}
		}
		bar.show(fall.left(now), fall.whole, fmt.Sprintf("hops left (%s) %s", now, fall.pace()))
	})
	bar.end()
	result := drained{Drained: err == nil, Seconds: time.Since(fall.begun).Seconds(), DeadLetters: last.DeadLetters()}
	if err != nil {
		result.Remains = last
		result.Why = []string{strings.TrimPrefix(err.Error(), drain.ErrNotDrained.Error()+": ")}
	}
	late := errors.Is(err, drain.ErrNotDrained) && s.ctx.Err() == nil
	if late {
		result.Why = append(result.Why, c.reasons(s)...)
	}
	printed := s.print(result, func() {
		if err == nil || late {
			printDrained(s, result)
		}
	})
	switch {
	case late:
		return cmp.Or(printed, errCheckFailed)
	case err != nil:
		return err
	}
	return printed
}

func printDrained(s *session, d drained) {
	if d.Drained {
		s.say("drained after %.1fs; dead letters: %d", d.Seconds, d.DeadLetters)
		return
	}
	s.say("NOT drained after %.1fs:", d.Seconds)
	for _, why := range d.Why {
		s.say("  %s", why)
	}
}

// reasons returns the visible reasons why the queues are not drained.
func (c drainCommand) reasons(s *session) []string {
	ctx, cancel := context.WithTimeout(s.ctx, min(s.wait, reasonsWithin))
	defer cancel()
	now, err := status.Read(ctx, s.conn, s.js)
	if err != nil {
		return []string{"the status cannot be read: " + err.Error()}
	}
	var reasons []string
	for _, q := range now.Queues {
		if service := topology.ConsumerOf(q.Queue); q.Messages > 0 && now.Alive(service) == 0 {
			reasons = append(reasons, fmt.Sprintf("%s: no replica of the %s is alive", q.Queue, service))
		}
		if q.Paused {
			reasons = append(reasons, q.Queue+" is paused")
		}
	}
	return reasons
}

// fall measures how fast the queues drain. A request in REQUESTS has three hops left, one
// in RECEIPTS has one, so the number of hops only falls.
type fall struct {
	begun time.Time
	whole uint64 // hops at the highest
	now   uint64
}

func (f *fall) left(s drain.Snapshot) uint64 {
	f.now = 0
	for i, queue := range s {
		if hops := len(topology.QueueNames) - i; hops > 0 {
			f.now += uint64(hops) * queue.Messages
		}
	}
	f.whole = max(f.whole, f.now)
	return f.now
}

// pace is the speed, and the time left at that speed.
func (f *fall) pace() string {
	seconds := time.Since(f.begun).Seconds()
	if f.now == f.whole || seconds <= 0 {
		return ""
	}
	rate := float64(f.whole-f.now) / seconds
	return fmt.Sprintf("%.0f/s, %v left", rate, time.Duration(float64(f.now)/rate*float64(time.Second)).Round(time.Second))
}
