package queue

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"decoupled.example/shared/grace"
)

const (
	// loops is how many batches one replica has in flight: while one is
	// handled, the next is fetched. More would only wait for each other.
	loops = 2
	// sayEvery is how often a lasting trouble is logged.
	sayEvery = 10 * time.Second
	// lookEvery is how often a missing queue is looked for.
	lookEvery = 500 * time.Millisecond
	// lookFor is how long one look may take. A broker that is just starting may
	// never answer it, and a service is to go on within two seconds.
	lookFor = time.Second
)

// Handler does the work of a batch. It returns nil only when all its effects
// are durable: the messages are acknowledged then. It is called concurrently,
// and may be given a message that it, or another replica, has handled before or
// is handling now; even twice in one batch.
//
// The context outlives the one that Consume was given by the client's grace.
// A Handler that blocks on the broker should do so until the context ends:
// an outage is no reason to fail a message.
type Handler[T any] func(ctx context.Context, batch []Message[T]) error

// Consume hands messages to the handler until ctx ends. Then it asks for no
// more, lets the handler finish the batches in hand, hands back what had arrived
// and was not begun, and returns nil. While the queue is missing or the broker
// away it waits, and says so in the log.
//
// A message whose handling fails comes back after Config.Backoff; from its
// Config.Attempts-th delivery on it becomes a dead letter, as does at once what
// cannot be decoded, and a message that was seen to kill its process.
//
// Consume returns an error only when the connection was closed under it.
func (q *Queue[T]) Consume(ctx context.Context, handle Handler[T]) error {
	ackWait, err := q.awaitConsumer(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	work, cancel := grace.After(ctx, q.client.grace)
	defer cancel()
	w := &worker[T]{Queue: q, handle: handle, size: &size{}}
	w.ackWait.Store(int64(ackWait))
	var group errgroup.Group
	for range loops {
		group.Go(func() error { return w.run(ctx, work) })
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("cannot consume %s: %w", q.config.Stream, err)
	}
	return nil
}

// awaitConsumer returns when the queue's consumer is there, with the time after
// which the broker delivers an unacknowledged message again.
func (q *Queue[T]) awaitConsumer(ctx context.Context) (time.Duration, error) {
	var said time.Time
	for {
		consumer, err := q.lookUp(ctx)
		switch {
		case err == nil:
			return consumer.CachedInfo().Config.AckWait, nil
		case ctx.Err() != nil:
			return 0, ctx.Err()
		case errors.Is(err, nats.ErrConnectionClosed):
			return 0, fmt.Errorf("cannot consume %s: %w", q.config.Stream, err)
		}
		// While there is no connection its owner says so.
		if time.Since(said) > sayEvery && q.client.conn.IsConnected() {
			said = time.Now()
			q.log.Warn().Err(explain(err)).Msg("cannot consume yet; trying again")
		}
		if err := wait(ctx, lookEvery); err != nil {
			return 0, err
		}
	}
}

// lookUp asks for the consumer once. It is impatient: a question that a broker
// received while it was starting is never answered.
func (q *Queue[T]) lookUp(ctx context.Context) (jetstream.Consumer, error) {
	if err := connected(q.client.conn); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	return q.client.js.Consumer(ctx, q.config.Stream, q.config.Consumer)
}

// connected is an error while there is no connection: questions would pile up in
// the client's buffer, in which acknowledgements wait for the end of the outage.
func connected(conn *nats.Conn) error {
	switch {
	case conn.IsClosed():
		return nats.ErrConnectionClosed
	case !conn.IsConnected():
		return nats.ErrDisconnected
	}
	return nil
}

// explain adds to an error of the broker what a person can do about it.
func explain(err error) error {
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrConsumerDoesNotExist):
		return fmt.Errorf("%w: run setup", err)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount), errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("JetStream is not enabled at the broker, or not ready: %w", err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return fmt.Errorf("no answer: the broker is busy, electing a leader, or a permission is missing: %w", err)
	}
	return err
}

// worker is one call of Consume.
type worker[T any] struct {
	*Queue[T]
	handle  Handler[T]
	ackWait atomic.Int64 // a time.Duration; another one when the consumer was made again
	size    *size
}

// run is one loop: ask, handle, acknowledge. It asks until ctx ends; what it
// has begun may take until work ends.
func (w *worker[T]) run(ctx, work context.Context) error {
	p, err := newPuller(w.client.conn, w.log, w.config.Stream, w.config.Consumer)
	if err != nil {
		return err
	}
	for {
		messages, err := p.next(ctx, w.size.next())
		if ctx.Err() != nil {
			w.handBack(append(messages, p.stop()...))
			return nil
		}
		w.settle(work, messages)
		switch {
		case err == nil:
		case errors.Is(err, errNotThere):
			if ackWait, err := w.awaitConsumer(ctx); err == nil {
				w.ackWait.Store(int64(ackWait))
			}
		default:
			p.stop()
			return err
		}
	}
}

// handBack returns what was delivered and not begun, so that another replica
// gets it at once and not after AckWait.
func (w *worker[T]) handBack(messages []*nats.Msg) {
	for _, m := range messages {
		w.reply(m, "-NAK")
	}
	w.counts.handedBack.Add(int64(len(messages)))
	if w.client.conn.IsConnected() {
		_ = w.client.conn.FlushTimeout(flush)
	}
}
