package queue

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
)

// Message is one delivery to a Handler.
type Message[T any] struct {
	Body   T
	Header nats.Header
	// Attempt is 1 plus the number of attempts at this message that have failed
	// so far, on any replica.
	Attempt int
	// Deliveries is 1 at the first delivery. A higher count is a hint, not proof,
	// of an earlier attempt: outages and shutdowns raise it too.
	Deliveries int
	// Published is when the stream stored the message, by the broker's clock.
	Published time.Time
}

// Handler processes a batch of messages. It returns nil only when all its
// effects are durable, because the messages are acked then. Any other result is
// described at Retry, RetryAfter, Reject and BatchError; a plain error means that
// a message failed. A panic counts as an error.
//
// A Handler is called concurrently. It may be given a message that it, or another
// replica, has processed before or is processing now, even twice in one batch.
//
// The context ends after Config.HandlerTimeout, or some time after the one that
// Consume was given (see NewClient). A Handler that waits for the broker should do
// so until then.
type Handler[T any] func(ctx context.Context, batch []Message[T]) error

// Each returns a Handler that passes the messages of a batch to handle one by
// one, and returns a BatchError that names those that failed. It stops at the
// first message for which handle returns Retry, and when the context ends before a
// further message is done: the messages that are left count as not tried, and go
// back to the queue.
func Each[T any](handle func(context.Context, Message[T]) error) Handler[T] {
	return func(ctx context.Context, batch []Message[T]) error {
		failed := make(BatchError)
		for i, m := range batch {
			err := recovered(func() error { return handle(ctx, m) })
			stop := isRetry(err)
			if err != nil && !stop && i > 0 && ctx.Err() != nil {
				// The messages before it have used up the time.
				err, stop = &untriedError{err}, true
			}
			if err != nil {
				failed[i] = err
			}
			if stop {
				for rest := i + 1; rest < len(batch); rest++ {
					failed[rest] = err
				}
				break
			}
		}
		if len(failed) == 0 {
			return nil
		}
		return failed
	}
}
