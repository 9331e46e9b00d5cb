package deadletter

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"decoupled.example/console/internal/ask"
	"decoupled.example/shared/topology"
)

// ErrNotFound is the error for a dead letter that does not exist.
var ErrNotFound = errors.New("no such dead letter")

// atOnce is how many dead letters one request looks for.
const atOnce = 32

// Queue are the dead letters of a deployment. It may be used concurrently. Its
// methods wait while the broker is unreachable, until their context ends.
type Queue struct {
	js     jetstream.JetStream
	stream jetstream.Stream

	mu        sync.Mutex // of what follows
	retention retention
}

// Open returns the dead letters. It fails when their stream is not there.
func Open(ctx context.Context, js jetstream.JetStream) (*Queue, error) {
	l := &Queue{js: js}
	err := l.ask(ctx, func(ctx context.Context) (err error) {
		l.stream, err = js.Stream(ctx, topology.DeadLetters)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot open the dead letters: %w", err)
	}
	return l, nil
}

// ask waits for the broker's answer.
func (l *Queue) ask(ctx context.Context, question func(ctx context.Context) error) error {
	return ask.Patiently(ctx, l.js.Conn(), question)
}

// Count returns the number of dead letters.
func (l *Queue) Count(ctx context.Context) (uint64, error) {
	state, err := l.state(ctx)
	if err != nil {
		return 0, fmt.Errorf("cannot count the dead letters: %w", err)
	}
	return state.Msgs, nil
}

func (l *Queue) state(ctx context.Context) (jetstream.StreamState, error) {
	info, err := ask.Stream(ctx, l.js, topology.DeadLetters)
	if err != nil {
		return jetstream.StreamState{}, err
	}
	return info.State, nil
}

// All yields the dead letters that exist when it is called, the oldest first, one at a
// time. An error is the last value.
func (l *Queue) All(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		state, err := l.state(ctx)
		if err != nil {
			yield(Message{}, fmt.Errorf("cannot list the dead letters: %w", err))
			return
		}
		for sequence := max(1, state.FirstSeq); sequence <= state.LastSeq; sequence++ {
			s, err := l.get(ctx, query{Sequence: sequence, Next: ">"})
			if err != nil {
				yield(Message{}, fmt.Errorf("cannot list the dead letters: %w", err))
				return
			}
			if s == nil || s.Sequence > state.LastSeq { // the rest was redriven or discarded meanwhile
				return
			}
			if !yield(s.letter(), nil) {
				return
			}
			sequence = s.Sequence
		}
	}
}

// Get returns the dead letter that has that sequence now, or ErrNotFound. Use it only to
// show the dead letter: see Named.
func (l *Queue) Get(ctx context.Context, sequence uint64) (Message, error) {
	s, err := l.get(ctx, query{Sequence: sequence})
	if err == nil && s == nil {
		err = ErrNotFound
	}
	if err != nil {
		return Message{}, fmt.Errorf("cannot get dead letter %d: %w", sequence, err)
	}
	return s.letter(), nil
}

// Find returns the last dead letter of that request, from any queue, or ErrNotFound.
func (l *Queue) Find(ctx context.Context, id string) (Message, error) {
	s, err := l.find(ctx, id)
	if err == nil && s == nil {
		err = ErrNotFound
	}
	if err != nil {
		return Message{}, fmt.Errorf("cannot find the dead letter of %.128q: %w", id, err)
	}
	return s.letter(), nil
}

// Of returns all dead letters of that request, from any queue, the oldest first, or
// ErrNotFound.
func (l *Queue) Of(ctx context.Context, id string) ([]Message, error) {
	last, err := l.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	var all []Message
	for sequence := uint64(1); sequence < last.Sequence; sequence++ {
		s, err := l.get(ctx, query{Sequence: sequence, Next: subjectsOf(id)})
		if err != nil {
			return nil, fmt.Errorf("cannot find the dead letters of %s: %w", id, err)
		}
		if s == nil || s.Sequence >= last.Sequence {
			break
		}
		all, sequence = append(all, s.letter()), s.Sequence
	}
	return append(all, last), nil
}

func (l *Queue) find(ctx context.Context, id string) (*stored, error) {
	if id == "" || strings.ContainsAny(id, ".*> \t\r\n") { // would be another question
		return nil, nil
	}
	return l.get(ctx, query{Last: subjectsOf(id)})
}

// subjectsOf are the subjects of a request's letters.
func subjectsOf(id string) string { return topology.SubjectDead + ".*." + id }

// Having returns the request IDs that have a dead letter, in any queue.
func (l *Queue) Having(ctx context.Context, ids []string) (map[string]bool, error) {
	having := make(map[string]bool)
	if n, err := l.Count(ctx); n == 0 || err != nil {
		return having, err
	}
	found := make([]bool, len(ids))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, id := range ids {
		group.Go(func() error {
			s, err := l.find(ctx, id)
			if err != nil {
				return fmt.Errorf("cannot look for the dead letter of %s: %w", id, err)
			}
			found[i] = s != nil
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, id := range ids {
		if found[i] {
			having[id] = true
		}
	}
	return having, nil
}
