package letters

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"decoupled.example/shared/topology"
)

// ErrNotFound is the error for the number of a letter that is not there.
var ErrNotFound = errors.New("no such letter")

// atOnce is how many letters are looked for together.
const atOnce = 32

// Letters are the dead letters of a deployment. It may be used concurrently.
type Letters struct {
	js     jetstream.JetStream
	stream jetstream.Stream
}

// Open returns the dead letters. It fails when their stream is not there.
func Open(ctx context.Context, js jetstream.JetStream) (*Letters, error) {
	stream, err := js.Stream(ctx, topology.DeadLetters)
	if err != nil {
		return nil, fmt.Errorf("cannot open the dead letters: %w: run setup", err)
	}
	return &Letters{js: js, stream: stream}, nil
}

// Count is the number of letters.
func (l *Letters) Count(ctx context.Context) (uint64, error) {
	info, err := l.stream.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("cannot count the dead letters: %w", err)
	}
	return info.State.Msgs, nil
}

// All streams the letters, the oldest first. It yields one error, as the last.
func (l *Letters) All(ctx context.Context) iter.Seq2[Letter, error] {
	return func(yield func(Letter, error) bool) {
		info, err := l.stream.Info(ctx)
		if err != nil {
			yield(Letter{}, fmt.Errorf("cannot list the dead letters: %w", err))
			return
		}
		for sequence := info.State.FirstSeq; sequence <= info.State.LastSeq && info.State.Msgs > 0; {
			m, err := l.stream.GetMsg(ctx, sequence, jetstream.WithGetMsgSubject(topology.SubjectDead+".>"))
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				return // the rest was redriven or discarded meanwhile
			}
			if err != nil {
				yield(Letter{}, fmt.Errorf("cannot list the dead letters: %w", err))
				return
			}
			letter, err := read(m)
			if err != nil {
				yield(Letter{}, err)
				return
			}
			if !yield(letter, nil) {
				return
			}
			sequence = m.Sequence + 1
		}
	}
}

// Get returns the letter of that number, or ErrNotFound.
func (l *Letters) Get(ctx context.Context, sequence uint64) (Letter, error) {
	m, err := l.stream.GetMsg(ctx, sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Letter{}, fmt.Errorf("cannot get letter %d: %w", sequence, ErrNotFound)
	}
	if err != nil {
		return Letter{}, fmt.Errorf("cannot get letter %d: %w", sequence, err)
	}
	return read(m)
}

// Having returns those of the request IDs that have a letter, in any queue.
func (l *Letters) Having(ctx context.Context, ids []string) (map[string]bool, error) {
	found := make([]bool, len(ids))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, id := range ids {
		group.Go(func() error {
			_, err := l.stream.GetLastMsgForSubject(ctx, topology.SubjectDead+".*."+id)
			if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
				return fmt.Errorf("cannot look for the dead letter of %s: %w", id, err)
			}
			found[i] = err == nil
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	having := make(map[string]bool)
	for i, id := range ids {
		if found[i] {
			having[id] = true
		}
	}
	return having, nil
}

// Redrive publishes the letter's message again where it was, and when that is
// confirmed removes the letter. Interrupted and repeated it may publish twice:
// the ledgers see to it that the effect is the same as of once.
func (l *Letters) Redrive(ctx context.Context, letter Letter) error {
	if letter.Subject == "" {
		return fmt.Errorf("cannot redrive letter %d: it does not say where its message was published", letter.Sequence)
	}
	m := &nats.Msg{Subject: letter.Subject, Header: nats.Header{}, Data: letter.Body}
	for name, values := range letter.Header {
		if !strings.HasPrefix(strings.ToLower(name), "nats-") { // those are words to the broker, and were not for this publish
			m.Header[name] = values
		}
	}
	m.Header.Set(jetstream.MsgIDHeader, fmt.Sprintf("redrive.%d", letter.Sequence))
	if _, err := l.js.PublishMsg(ctx, m); err != nil {
		return fmt.Errorf("cannot redrive letter %d: %w", letter.Sequence, err)
	}
	return l.Discard(ctx, letter.Sequence)
}

// Discard removes the letter of that number for good. One that is gone already
// is no error.
func (l *Letters) Discard(ctx context.Context, sequence uint64) error {
	err := l.stream.DeleteMsg(ctx, sequence)
	if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) && !gone(err) {
		return fmt.Errorf("cannot remove letter %d: %w", sequence, err)
	}
	return nil
}

// gone recognises how the server says that a message to delete is not there.
func gone(err error) bool {
	var api jetstream.JetStreamError
	return errors.As(err, &api) && api.APIError() != nil && strings.Contains(api.APIError().Description, "no message found")
}
