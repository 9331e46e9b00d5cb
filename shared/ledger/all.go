package ledger

import (
	"context"
	"errors"
	"iter"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/shared/direct"
)

// page is how many entries All reads at once.
const page = 4096

// Count implements Ledger. Every key has exactly one message, so the number of
// messages is the number of keys.
func (l *JetStream) Count(ctx context.Context) (uint64, error) {
	if err := l.begin(ctx); err != nil {
		return 0, err
	}
	state, err := l.state(ctx)
	return state.Msgs, err
}

// All implements Ledger.
func (l *JetStream) All(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if err := l.begin(ctx); err != nil {
			yield(Entry{}, err)
			return
		}
		state, err := l.state(ctx)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		for next := max(1, state.FirstSeq); next <= state.LastSeq; {
			batch, err := l.following(ctx, next)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if len(batch) == 0 { // the rest has expired
				return
			}
			for _, s := range batch {
				if s.sequence > state.LastSeq || !yield(s.Entry, nil) {
					return
				}
				next = s.sequence + 1
			}
		}
	}
}

// following returns some entries from that sequence on; none when there are no
// more.
func (l *JetStream) following(ctx context.Context, sequence uint64) ([]stored, error) {
	var batch []stored
	err := l.repeat(ctx, func() error {
		// No filter: it would match everything, and the broker would look at every key
		// for each request.
		err := l.attempt(ctx, direct.Subject(l.stream()), func(ctx context.Context) error {
			messages, _, err := direct.From(ctx, l.conn, l.stream(), sequence, page)
			for _, m := range messages {
				if m.Sequence == 0 { // its headers cannot be read; the leader sends them apart
					break
				}
				batch = append(batch, l.stored(m))
			}
			return err
		})
		if len(batch) > 0 {
			return nil // if it was interrupted, the next call continues from there
		}
		if err != nil && !errors.Is(err, nats.ErrNoResponders) {
			return err
		}
		// A replica that has no more may only lag behind. The leader knows.
		s, err := l.fromLeader(ctx, query{Sequence: sequence, Next: ">"})
		if s != nil {
			batch = append(batch, *s)
		}
		return err
	})
	return batch, err
}

func (l *JetStream) state(ctx context.Context) (jetstream.StreamState, error) {
	var answer struct {
		Error *jetstream.APIError   `json:"error"`
		State jetstream.StreamState `json:"state"`
	}
	err := l.repeat(ctx, func() error {
		answer.Error = nil
		if err := l.ask(ctx, "STREAM.INFO", nil, &answer); err != nil {
			return err
		}
		if answer.Error != nil {
			return answer.Error
		}
		return nil
	})
	return answer.State, err
}
