package main

import (
	"fmt"
	"strings"
	"time"

	"decoupled.example/console/depth"
	"decoupled.example/console/internal/shown"
	"decoupled.example/console/status"
	"decoupled.example/shared/service"
	"decoupled.example/shared/stdio"
	"decoupled.example/shared/topology"
)

// sample is how far the two readings are apart that a rate is computed from.
const sample = time.Second

type statusCommand struct {
	Watch bool `help:"Go on, once a second, until interrupted."`
}

// Run shows the status.
func (c statusCommand) Run(s *session) error {
	err := c.show(s)
	if c.Watch && s.interrupted() { // that is how a watch ends
		return nil
	}
	return err
}

func (c statusCommand) show(s *session) error {
	before, err := status.Read(s.ctx, s.conn, s.js)
	if err != nil {
		return err
	}
	for {
		s.alive(sample)
		select {
		case <-time.After(sample):
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
		now, err := status.Read(s.ctx, s.conn, s.js)
		if err != nil {
			return err
		}
		if err := s.print(withRates{now, now.Rates(before)}, func() {
			if c.Watch {
				s.redraw()
			}
			printStatus(s, before, now)
		}); err != nil || !c.Watch {
			return err
		}
		before = now
	}
}

// withRates is the result as JSON.
type withRates struct {
	status.Status
	Rates status.Rates `json:"rates"` // a second
}

// redraw clears the terminal, if there is one, for lines that fit its width now.
func (s *session) redraw() {
	if stdio.IsTerminal(s.out) {
		s.width = stdio.Width(s.out)
	}
	if stdio.Obeys(s.out) {
		fmt.Fprint(s.out, "\x1b[H\x1b[2J")
	}
}

// printStatus prints tables that fit a terminal of 80 columns, but for long names.
func printStatus(s *session, before, now status.Status) {
	rates := now.Rates(before)
	s.say("%-10s %8s %8s %9s %11s %6s %6s %7s", "QUEUE", "DEPTH", "WAITING", "IN FLIGHT", "REDELIVERED", "IN/S", "OUT/S", "OLDEST")
	for _, q := range now.Queues {
		s.say("%-10s %8d %8d %9d %11d %6.0f %6.0f %7s", q.Queue, q.Messages, q.Waiting, q.InFlight, q.Redelivered, rates.Queues[q.Queue].In, rates.Queues[q.Queue].Out, age(q))
		if notes := notes(q.Paused, q.Leader, q.Replicas); notes != "" {
			s.say("  %s", notes)
		}
	}
	s.say("")
	s.say("%-10s %9s %9s", "LEDGER", "ENTRIES", "/S")
	for _, name := range topology.LedgerNames {
		s.say("%-10s %9d %9.0f", name, now.Ledgers[name], rates.Ledgers[name])
	}
	s.say("%-10s %9d", "dead", now.DeadLetters)
	s.say("")
	if len(now.Replicas) == 0 {
		s.say("no replica of any service is alive")
		return
	}
	s.say("%-10s %-22s %9s  %s", "SERVICE", "INSTANCE", "UP", "HOST")
	for _, r := range now.Replicas {
		s.say("%-10s %-22s %9s  %s", shown.Text(r.Service), shown.Text(r.Instance), up(r), shown.Text(r.Host))
		if counts := counts(r.Counts); counts != "" {
			s.say("  %s", counts)
		}
		for _, problem := range r.Problems {
			s.say("  problem: %s", shown.Text(problem))
		}
	}
}

// age is how old the oldest message of a queue is, in few characters.
func age(q depth.Depth) string {
	switch {
	case q.Oldest.IsZero():
		return "-"
	case q.OldestAge < time.Minute:
		return q.OldestAge.Round(100 * time.Millisecond).String()
	case q.OldestAge < time.Hour:
		return q.OldestAge.Round(time.Second).String()
	}
	return strings.TrimSuffix(q.OldestAge.Round(time.Minute).String(), "0s")
}

// up is for how long a replica has been running, by its own clock.
func up(r service.Status) string {
	if r.Up <= 0 { // it does not tell
		return "-"
	}
	return time.Duration(r.Up * float64(time.Second)).Round(time.Second).String()
}

func notes(paused bool, leader string, replicas int) string {
	var notes []string
	if paused {
		notes = append(notes, "PAUSED")
	}
	if leader != "" {
		notes = append(notes, fmt.Sprintf("leader %s of %d", leader, replicas))
	}
	return strings.Join(notes, ", ")
}

// counts are shown in the order of a request's way, and only what is not 0.
func counts(c map[string]int64) string {
	var parts []string
	for _, name := range []string{"asked", "answered", "stored", "received", "published", "redelivered", "dead_lettered"} {
		if c[name] != 0 {
			parts = append(parts, fmt.Sprintf("%s %d", strings.ReplaceAll(name, "_", "-"), c[name]))
		}
	}
	return strings.Join(parts, ", ")
}
