package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/internal/shown"
	"decoupled.example/console/letters"
)

type deadCommand struct {
	List    deadListCommand    `cmd:"" help:"List dead letters, the oldest first."`
	Show    deadShowCommand    `cmd:"" help:"Show one, with its headers and body."`
	Redrive deadRedriveCommand `cmd:"" help:"Publish them again where they were, and remove the letters."`
	Discard deadDiscardCommand `cmd:"" help:"Remove them for good."`
}

// chosen are letters by queue and reason.
type chosen struct {
	Queue  queueName `help:"Only of this queue." placeholder:"QUEUE"`
	Reason string    `help:"Only those whose reason contains this." placeholder:"TEXT"`
}

func (c chosen) matches(l letters.Letter) bool {
	return (c.Queue == "" || string(c.Queue) == l.Queue) && strings.Contains(l.Reason, c.Reason)
}

// among yields those of the letters that are chosen, as they are read: there may
// be more than fit into memory.
func (c chosen) among(all iter.Seq2[letters.Letter, error]) iter.Seq2[letters.Letter, error] {
	return func(yield func(letters.Letter, error) bool) {
		for letter, err := range all {
			if (err != nil || c.matches(letter)) && !yield(letter, err) {
				return
			}
		}
	}
}

// named are letters by number or request ID, or all that match.
type named struct {
	chosen
	IDs []string `arg:"" optional:"" name:"id" help:"Numbers of letters, or request IDs: all letters of that request."`
	All bool     `help:"All, or all that match --queue and --reason."`
}

// Validate is called by kong.
func (n named) Validate() error {
	switch {
	case n.All && len(n.IDs) > 0:
		return errors.New("--all and IDs exclude each other")
	case !n.All && len(n.IDs) == 0:
		return errors.New("say which: IDs, or --all with or without --queue and --reason")
	case !n.All && (n.Queue != "" || n.Reason != ""):
		return errors.New("--queue and --reason choose among --all")
	}
	return nil
}

// find returns the letters that are meant. One of the IDs that does not exist is
// an error before anything is done to any of them.
func (n named) find(ctx context.Context, dead *letters.Letters) (iter.Seq2[letters.Letter, error], error) {
	if n.All {
		return n.among(dead.All(ctx)), nil
	}
	var all []letters.Letter
	for _, id := range n.IDs {
		found, err := find(ctx, dead, id)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return func(yield func(letters.Letter, error) bool) {
		for _, letter := range all {
			if !yield(letter, nil) {
				return
			}
		}
	}, nil
}

// find finds a letter by its number, or the letters of a request.
func find(ctx context.Context, dead *letters.Letters, id string) ([]letters.Letter, error) {
	if sequence, err := strconv.ParseUint(id, 10, 64); err == nil {
		letter, err := dead.Get(ctx, sequence)
		return []letters.Letter{letter}, err
	}
	return dead.Of(ctx, id)
}

type deadListCommand struct{ chosen }

// Run lists.
func (c deadListCommand) Run(s *session) error {
	dead, err := letters.Open(s.ctx, s.js)
	if err != nil {
		return err
	}
	n := 0
	err = list(s.printer, c.among(dead.All(s.ctx)), func(l letters.Letter) {
		if n++; n == 1 {
			s.say("%6s  %-9s  %-36s  %10s  %s", "number", "queue", "request", "deliveries", "reason")
		}
		s.say("%6d  %-9s  %-36s  %10d  %s", l.Sequence, shown.Text(l.Queue), shown.Text(l.RequestID), l.Deliveries, shown.Text(l.Reason))
	})
	if err == nil && n == 0 {
		s.say("no dead letters")
	}
	return err
}

type deadShowCommand struct {
	ID string `arg:"" help:"Number of the letter, or request ID: its last letter."`
}

// Run shows.
func (c deadShowCommand) Run(s *session) error {
	dead, err := letters.Open(s.ctx, s.js)
	if err != nil {
		return err
	}
	found, err := find(s.ctx, dead, c.ID)
	if err != nil {
		return err
	}
	l := found[len(found)-1]
	return s.print(l, func() {
		s.say("letter     %d, set aside %s", l.Sequence, l.SetAside.Local().Format("2006-01-02 15:04:05.000"))
		s.say("queue      %s, subject %s, published %s", shown.Text(l.Queue), shown.Text(l.Subject), l.Published.Local().Format("2006-01-02 15:04:05.000"))
		s.say("request    %s", shown.Text(l.RequestID))
		s.say("deliveries %d", l.Deliveries)
		s.say("reason     %s", shown.Text(l.Reason))
		for name, values := range l.Header {
			s.say("header     %s: %s", shown.Text(name), shown.Text(strings.Join(values, ", ")))
		}
		s.say("body       %s", shown.Text(string(l.Body)))
	})
}

type deadRedriveCommand struct{ named }

// Run redrives one letter after the other. Interrupted, the rest is still there;
// repeated, each has its effect once.
func (c deadRedriveCommand) Run(s *session) error {
	return each(s, c.named, "redriven", func(ctx context.Context, dead *letters.Letters, l letters.Letter) error {
		return dead.Redrive(ctx, l)
	})
}

type deadDiscardCommand struct{ named }

// Run discards.
func (c deadDiscardCommand) Run(s *session) error {
	return each(s, c.named, "discarded", func(ctx context.Context, dead *letters.Letters, l letters.Letter) error {
		return dead.Discard(ctx, l.Sequence)
	})
}

// each does something to each of the letters that are meant. One that is refused
// does not hold up the others.
func each(s *session, n named, word string, do func(context.Context, *letters.Letters, letters.Letter) error) error {
	dead, err := letters.Open(s.ctx, s.js)
	if err != nil {
		return err
	}
	whole := uint64(len(n.IDs))
	if n.All {
		if whole, err = dead.Count(s.ctx); err != nil {
			return err
		}
	}
	all, err := n.find(s.ctx, dead)
	if err != nil {
		return err
	}
	bar := newProgress(s.err)
	var done, refused int
	var first error // why one was refused
	for letter, failed := range all {
		if failed == nil {
			failed = do(s.ctx, dead, letter)
		}
		switch {
		case failed == nil:
			done++
		case isRefusal(failed):
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
	return errors.Join(err, s.print(map[string]int{word: done, "refused": refused}, func() { s.say("%s: %d", word, done) }))
}

// isRefusal tells what is the matter with one letter, or its queue, from what
// would happen to each one.
func isRefusal(err error) bool {
	var refused *jetstream.APIError
	return errors.Is(err, letters.ErrNotRedrivable) || errors.As(err, &refused)
}
