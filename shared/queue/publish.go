package queue

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Publish returns nil when the broker has confirmed that it stores every value.
// It repeats what is not confirmed, under the same ID, until it is: a full
// queue or an absent broker slows it down, and never makes it lose.
//
// An error means that a value is invalid (then nothing was sent), that the broker
// refuses one for good, as too large (then the others are stored), or that ctx
// ended before all were confirmed (then some of them may be stored).
func (q *Queue[T]) Publish(ctx context.Context, values ...T) error {
	if len(values) == 0 {
		return nil
	}
	messages := make([]*nats.Msg, len(values))
	for i, v := range values {
		header, body, err := q.codec.Encode(v)
		if err != nil {
			return fmt.Errorf("cannot publish to %s: %w", q.config.Stream, err)
		}
		id := q.codec.ID(v)
		if id == "" { // sent again, it would be stored again
			return fmt.Errorf("cannot publish to %s: a value without an ID", q.config.Stream)
		}
		header[jetstream.MsgIDHeader] = []string{id}
		messages[i] = &nats.Msg{Subject: q.config.Subject, Header: header, Data: body}
	}
	refused, err := q.client.publisher.Publish(ctx, q.config.Stream, messages)
	if err != nil {
		return err
	}
	q.counts.published.Add(int64(len(values) - len(refused)))
	for i, err := range refused {
		return fmt.Errorf("cannot publish %s to %s: %w", q.codec.ID(values[i]), q.config.Stream, err)
	}
	return nil
}
