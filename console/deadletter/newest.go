package deadletter

import (
	"context"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/internal/ask"
	"decoupled.example/shared/direct"
	"decoupled.example/shared/topology"
)

// Newest returns up to n dead letters, the newest first: the remaining ones of the last n
// or, if none remains, the oldest ones. It is meant for watching: it asks once, mostly
// with one request, and a replica that lags behind may answer.
func (l *Queue) Newest(ctx context.Context, n int, state jetstream.StreamState) ([]Message, error) {
	first := max(state.FirstSeq, 1)
	newest, err := l.listFrom(ctx, max(first, state.LastSeq-min(state.LastSeq, uint64(n-1))), n)
	if err == nil && len(newest) == 0 && state.Msgs > 0 {
		newest, err = l.listFrom(ctx, first, n)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the newest dead letters: %w", err)
	}
	return newest, nil
}

// listFrom returns up to n letters from that number on, the newest first.
func (l *Queue) listFrom(ctx context.Context, sequence uint64, n int) ([]Message, error) {
	var found []Message
	for more := true; more && len(found) < n; {
		var messages []direct.Message
		err := ask.Once(ctx, l.js.Conn(), func(ctx context.Context) (err error) {
			messages, more, err = direct.From(ctx, l.js.Conn(), topology.DeadLetters, sequence, n-len(found))
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, m := range messages {
			s := &stored{Subject: m.Subject, Sequence: m.Sequence, Body: m.Data, Time: m.Time}
			if m.Sequence == 0 { // its headers are not such as the client library reads
				if s, err = l.get(ctx, query{Sequence: sequence, Next: ">"}); err != nil {
					return nil, err
				}
				if s == nil { // gone meanwhile, and so is what came after it
					more = false
					break
				}
			}
			letter := s.letter()
			if m.Sequence != 0 {
				letter.read(m.Header)
			}
			found, sequence = append(found, letter), s.Sequence+1
		}
		more = more && len(messages) > 0
	}
	slices.Reverse(found)
	return found, nil
}
