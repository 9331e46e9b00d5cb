package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

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
	Queue  string `help:"Only of this queue." placeholder:"QUEUE"`
	Reason string `help:"Only those whose reason contains this." placeholder:"TEXT"`
}

func (c chosen) matches(l letters.Letter) bool {
	return (c.Queue == "" || strings.EqualFold(c.Queue, l.Queue)) && strings.Contains(l.Reason, c.Reason)
}

// named are letters by number or request ID, or all that match.
type named struct {
	chosen
	IDs []string `arg:"" optional:"" name:"id" help:"Numbers of letters, or request IDs."`
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

// find returns the letters that are meant. One that does not exist is an error
// before anything is done to any of them.
func (n named) find(s *session) (*letters.Letters, []letters.Letter, error) {
	dead, err := letters.Open(s.ctx, s.js)
	if err != nil {
		return nil, nil, err
	}
	if n.All {
		all, err := list(s.ctx, dead, n.chosen)
		return dead, all, err
	}
	var all []letters.Letter
	for _, id := range n.IDs {
		letter, err := find(s.ctx, dead, id)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, letter)
	}
	return dead, all, nil
}

// find finds a letter by its number or its request's ID.
func find(ctx context.Context, dead *letters.Letters, id string) (letters.Letter, error) {
	if sequence, err := strconv.ParseUint(id, 10, 64); err == nil {
		return dead.Get(ctx, sequence)
	}
	return dead.Find(ctx, id)
}

func list(ctx context.Context, dead *letters.Letters, c chosen) ([]letters.Letter, error) {
	all := []letters.Letter{}
	for letter, err := range dead.All(ctx) {
		if err != nil {
			return nil, err
		}
		if c.matches(letter) {
			all = append(all, letter)
		}
	}
	return all, nil
}

type deadListCommand struct{ chosen }

// Run lists.
func (c deadListCommand) Run(s *session) error {
	_, all, err := named{chosen: c.chosen, All: true}.find(s)
	if err != nil {
		return err
	}
	return s.print(all, func() {
		if len(all) == 0 {
			s.say("no dead letters")
			return
		}
		s.say("%6s  %-9s  %-36s  %10s  %s", "number", "queue", "request", "deliveries", "reason")
		for _, l := range all {
			s.say("%6d  %-9s  %-36s  %10d  %s", l.Sequence, shown.Text(l.Queue), shown.Text(l.RequestID), l.Deliveries, shown.Text(l.Reason))
		}
	})
}

type deadShowCommand struct {
	ID string `arg:"" help:"Number of the letter, or request ID."`
}

// Run shows.
func (c deadShowCommand) Run(s *session) error {
	_, all, err := named{IDs: []string{c.ID}}.find(s)
	if err != nil {
		return err
	}
	l := all[0]
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

// each does something to each of the letters that are meant.
func each(s *session, n named, word string, do func(context.Context, *letters.Letters, letters.Letter) error) error {
	dead, all, err := n.find(s)
	if err != nil {
		return err
	}
	bar := newProgress(s.err)
	done := 0
	for _, letter := range all {
		if err = do(s.ctx, dead, letter); err != nil {
			err = fmt.Errorf("%d of %d are %s: %w", done, len(all), word, s.failure(err))
			break
		}
		done++
		bar.show(uint64(done), uint64(len(all)), word)
	}
	bar.end()
	return errors.Join(err, s.print(map[string]int{word: done}, func() { s.say("%s: %d", word, done) }))
}
