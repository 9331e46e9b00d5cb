package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"decoupled.example/console/deadletter"
	"decoupled.example/console/internal/shown"
)

type deadCommand struct {
	List    deadListCommand    `cmd:"" help:"List dead letters, the oldest first."`
	Show    deadShowCommand    `cmd:"" help:"Show a dead letter with its headers and body."`
	Redrive deadRedriveCommand `cmd:"" help:"Publish the messages of dead letters to their queues again, and remove the dead letters."`
	Discard deadDiscardCommand `cmd:"" help:"Remove dead letters for good."`
}

// chosen selects dead letters by queue and reason.
type chosen struct {
	Queue  queueName `help:"Only dead letters of this queue." placeholder:"QUEUE"`
	Reason string    `help:"Only dead letters whose reason contains this text." placeholder:"TEXT"`
}

func (c chosen) matches(l deadletter.Message) bool {
	return (c.Queue == "" || string(c.Queue) == l.Queue) && strings.Contains(l.Reason, c.Reason)
}

// among yields the selected dead letters one by one, because they may not all fit into
// memory.
func (c chosen) among(s *session, all iter.Seq2[deadletter.Message, error]) iter.Seq2[deadletter.Message, error] {
	return func(yield func(deadletter.Message, error) bool) {
		for letter, err := range all {
			s.alive(0)
			if (err != nil || c.matches(letter)) && !yield(letter, err) {
				return
			}
		}
	}
}

// named selects the dead letters to act on: by their IDs, by request, or all that
// match.
type named struct {
	chosen
	IDs []string `arg:"" optional:"" name:"id" help:"IDs of dead letters as \"console dead list\" shows them, or request IDs: all dead letters of that request."`
	All bool     `help:"All, or all that match --queue and --reason."`
}

// Validate is called by kong.
func (n named) Validate() error {
	switch {
	case n.All && len(n.IDs) > 0:
		return errors.New("--all and IDs exclude each other")
	case !n.All && len(n.IDs) == 0:
		return errors.New("name the dead letters: IDs, or --all with or without --queue and --reason")
	case !n.All && (n.Queue != "" || n.Reason != ""):
		return errors.New("--queue and --reason choose among --all")
	}
	for _, id := range n.IDs {
		if isNumber(id) {
			return fmt.Errorf("%s is only the number of a dead letter, and numbers are reused when the stream is re-created: give the ID that \"console dead list\" shows, such as %s-9f3a21c4", id, id)
		}
	}
	return nil
}

// isNumber reports whether text is a sequence, which names a dead letter only as
// long as its stream exists.
func isNumber(text string) bool {
	_, err := strconv.ParseUint(text, 10, 64)
	return err == nil
}

// find returns the selected dead letters. An unknown ID is an error before anything is
// done to any of them.
func (n named) find(s *session, dead *deadletter.Queue) (iter.Seq2[deadletter.Message, error], error) {
	if n.All {
		return n.among(s, dead.All(s.ctx)), nil
	}
	var all []deadletter.Message
	for _, id := range n.IDs {
		s.alive(0)
		found, err := find(s.ctx, dead, id)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return func(yield func(deadletter.Message, error) bool) {
		for _, letter := range all {
			if !yield(letter, nil) {
				return
			}
		}
	}, nil
}

// find returns the dead letter with that ID, or the dead letters of a request.
func find(ctx context.Context, dead *deadletter.Queue, id string) ([]deadletter.Message, error) {
	if deadletter.IsID(id) {
		letter, err := dead.Named(ctx, id)
		return []deadletter.Message{letter}, err
	}
	return dead.Of(ctx, id)
}

type deadListCommand struct{ chosen }

// Run lists.
func (c deadListCommand) Run(s *session) error {
	dead, err := deadletter.Open(s.ctx, s.js)
	if err != nil {
		return err
	}
	n := 0
	err = list(s.printer, c.among(s, dead.All(s.ctx)), func(l deadletter.Message) {
		if n++; n == 1 {
			s.say("%-14s  %-9s  %-36s  %10s  %s", "ID", "queue", "request", "deliveries", "reason")
		}
		s.say("%-14s  %-9s  %-36s  %10d  %s", l.ID, shown.Text(l.Queue), shown.Text(l.RequestID), l.Deliveries, shown.Text(l.Reason))
	})
	if err == nil && n == 0 {
		s.say("no dead letters")
	}
	return err
}

type deadShowCommand struct {
	ID string `arg:"" help:"ID or number of the dead letter, or request ID: its last dead letter."`
}

// Run shows.
func (c deadShowCommand) Run(s *session) error {
	dead, err := deadletter.Open(s.ctx, s.js)
	if err != nil {
		return err
	}
	l, err := c.find(s.ctx, dead)
	if err != nil {
		return err
	}
	return s.print(l, func() {
		s.say("ID         %s, dead-lettered %s", l.ID, l.Stored.Local().Format("2006-01-02 15:04:05.000"))
		s.say("queue      %s, subject %s, published %s", shown.Text(l.Queue), shown.Text(l.Subject), l.Published.Local().Format("2006-01-02 15:04:05.000"))
		s.say("request    %s", shown.Text(l.RequestID))
		s.say("attempts   %d", l.Attempts)
		s.say("deliveries %d", l.Deliveries)
		s.say("reason     %s", shown.Text(l.Reason))
		if l.Omitted > 0 {
			s.say("omitted    %d headers that did not fit into the dead letter; a redrive cannot restore them", l.Omitted)
		}
		for name, values := range l.Header {
			s.say("header     %s: %s", shown.Text(name), shown.Text(strings.Join(values, ", ")))
		}
		s.say("body       %s", shown.Text(string(l.Body)))
	})
}

// find returns the dead letter to show. A number is enough, because nothing is done to
// it.
func (c deadShowCommand) find(ctx context.Context, dead *deadletter.Queue) (deadletter.Message, error) {
	if sequence, err := strconv.ParseUint(c.ID, 10, 64); err == nil {
		return dead.Get(ctx, sequence)
	}
	found, err := find(ctx, dead, c.ID)
	if err != nil {
		return deadletter.Message{}, err
	}
	return found[len(found)-1], nil
}

type deadRedriveCommand struct {
	named
	Expired bool `help:"Also redrive messages whose ledger entries may have expired: a request that was answered before is answered again, with another string."`
}

// Run redrives one dead letter after the other. If it is interrupted, the rest remains;
// if it is repeated, each still has its effect once.
func (c deadRedriveCommand) Run(s *session) error {
	incomplete := 0
	result, err := each(s, c.named, "redriven", func(ctx context.Context, dead *deadletter.Queue, l deadletter.Message) error {
		redrive := dead.Redrive
		if c.Expired {
			redrive = dead.RedriveExpired
		}
		err := redrive(ctx, l)
		if err == nil && l.Omitted > 0 {
			incomplete++
		}
		return err
	})
	if result == nil {
		return err
	}
	result["incomplete"] = incomplete
	return errors.Join(err, s.print(result, func() {
		s.say("redriven: %d", result["redriven"])
		if incomplete > 0 {
			s.say("%d of them without headers that had not fitted into their dead letters", incomplete)
		}
	}))
}

type deadDiscardCommand struct{ named }

// Run discards.
func (c deadDiscardCommand) Run(s *session) error {
	result, err := each(s, c.named, "discarded", func(ctx context.Context, dead *deadletter.Queue, l deadletter.Message) error {
		return dead.Discard(ctx, l)
	})
	if result == nil {
		return err
	}
	return errors.Join(err, s.print(result, func() { s.say("discarded: %d", result["discarded"]) }))
}

// each calls do for each selected dead letter. It returns how many succeeded, under word,
// and how many failed; nil if it did not begin. One that is refused does not stop the
// others.
func each(s *session, n named, word string, do func(context.Context, *deadletter.Queue, deadletter.Message) error) (map[string]int, error) {
	dead, err := deadletter.Open(s.ctx, s.js)
	if err != nil {
		return nil, err
	}
	whole := uint64(len(n.IDs))
	if n.All {
		if whole, err = dead.Count(s.ctx); err != nil {
			return nil, err
		}
	}
	all, err := n.find(s, dead)
	if err != nil {
		return nil, err
	}
	bar := newProgress(s.err)
	var done, refused int
	var first error // why one was refused
	for letter, failed := range all {
		s.alive(0)
		if failed == nil {
			failed = do(s.ctx, dead, letter)
		}
		switch {
		case failed == nil:
			done++
		case deadletter.IsRefusal(failed):
			refused++
			first = cmp.Or(first, failed)
		default:
			err = failed
		}
		if err != nil {
			break
		}
		bar.show(uint64(done), whole, word)
	}
	bar.end()
	switch {
	case err != nil:
		err = fmt.Errorf("%d are %s, the rest is not: %w", done, word, err)
	case refused > 0:
		err = fmt.Errorf("%d are %s, %d are not: %w", done, word, refused, first)
	}
	return map[string]int{word: done, "refused": refused}, err
}
