package queue

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
)

// Publish returns nil when the broker has confirmed that it stores every value in
// the queue. It publishes again what is not confirmed, until it is: a full queue or
// an outage slows it down, and loses nothing. So a value may be stored more than
// once, and is recognised by its ID: consumers must be idempotent.
//
// An error means that a value is invalid (then nothing was sent), that the broker
// refuses one for good, such as one that is too large (then the others are stored),
// or that ctx ended before all were confirmed (then some of them may be stored, and
// the error unwraps to publish.ErrUnavailable). If ctx had ended before the call,
// nothing is sent, and the error is only ctx's: the broker is not to blame.
func (q *Queue[T]) Publish(ctx context.Context, values ...T) error {
	if len(values) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("cannot publish to %s: %w", q.config.Stream, err)
	}
	messages, together := make([]*nats.Msg, len(values)), make([]nats.Msg, len(values))
	for i, v := range values {
		header, body, err := q.codec.Encode(v)
		if err != nil {
			return fmt.Errorf("cannot publish to %s: %w", q.config.Stream, err)
		}
		if q.codec.ID(v) == "" { // a consumer could not recognise it when it is stored twice
			return fmt.Errorf("cannot publish to %s: a value without an ID", q.config.Stream)
		}
		messages[i] = &together[i]
		messages[i].Subject, messages[i].Header, messages[i].Data = q.config.Subject, header, body
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
