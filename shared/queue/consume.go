package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"decoupled.example/shared/retry"
	"decoupled.example/shared/shutdown"
)

const (
	// lookEvery is how often a missing queue is looked for.
	lookEvery = 500 * time.Millisecond
	// lookFor is how long one look may take. A broker that is just starting may
	// never answer it, and a service should continue within two seconds.
	lookFor = time.Second
)

// errRenewed means that the consumer was re-created.
var errRenewed = errors.New("the consumer was re-created")

// Consume passes messages to the handler until ctx ends. Then it asks for no
// more, lets the handler finish its batches, returns messages that were delivered
// and not begun to the queue, and returns nil. While the queue is missing or the
// broker unavailable it waits, and logs why.
//
// Handler documents how a message ends, and Config how often and for how long it is
// tried.
//
// Consume returns an error only when the configuration is invalid or the
// connection was closed.
func (q *Queue[T]) Consume(ctx context.Context, handle Handler[T]) error {
	if err := q.config.validate(); err != nil {
		return fmt.Errorf("cannot consume %s: %w", q.config.Stream, err)
	}
	// A quarter of the shutdown timeout is for the work after the handlers have
	// ended: records, naks, and the flush. The caller gets a little, too.
	work, cancelWork := shutdown.Delay(ctx, q.client.grace-q.client.grace/4)
	defer cancelWork()
	cleanUp, cancelCleanUp := shutdown.Delay(ctx, q.client.grace-q.client.grace/16)
	defer cancelCleanUp()
	w := &worker[T]{
		Queue: q, handle: handle, size: &size{}, asking: ctx, cleanUp: cleanUp,
		limits: &limits{log: q.log}, origin: &origin{log: q.log},
		verifying: newMutex(), renewing: newMutex(),
		attempts: &attempts{client: q.client, log: q.log, bucket: q.config.AttemptBucket, lasting: retry.Problem{AtOnce: true}},
	}
	stopWatching, err := w.watchDeletion()
	if err != nil {
		return fmt.Errorf("cannot consume %s: %w", q.config.Stream, err)
	}
	defer stopWatching()
	var group errgroup.Group
	for range q.config.Concurrency {
		group.Go(func() error { return w.run(ctx, work) })
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("cannot consume %s: %w", q.config.Stream, err)
	}
	return nil
}

// awaitConsumer returns when the queue's consumer exists, and records its ack wait
// and origin.
func (w *worker[T]) awaitConsumer(ctx context.Context) error {
	var lasting retry.Problem
	for {
		question := w.origin.ask(w.client.conn)
		consumer, err := w.lookUp(ctx)
		switch {
		case err == nil:
			info := consumer.CachedInfo()
			w.ackWait.Store(int64(info.Config.AckWait))
			w.origin.observe(question, info)
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, nats.ErrConnectionClosed):
			return err
		}
		// While there is no connection its owner logs that.
		if w.client.conn.IsConnected() && lasting.Due() {
			w.log.Warn("cannot consume yet; trying again", "error", explain(err))
		}
		if err := retry.Wait(ctx, lookEvery); err != nil {
			return err
		}
	}
}

// lookUp asks for the consumer once, with a short timeout: a broker never answers a
// request that it received while it was starting.
func (q *Queue[T]) lookUp(ctx context.Context) (jetstream.Consumer, error) {
	if err := connected(q.client.conn); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	return q.client.js.Consumer(ctx, q.config.Stream, q.config.Consumer)
}

// connected returns an error while there is no connection. Requests would pile up in
// the client's buffer and all be sent after the outage.
func connected(conn *nats.Conn) error {
	switch {
	case conn.IsClosed():
		return nats.ErrConnectionClosed
	case !conn.IsConnected():
		return nats.ErrDisconnected
	}
	return nil
}

// explain adds operator advice to a broker error.
func explain(err error) error {
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrConsumerDoesNotExist), errors.Is(err, jetstream.ErrBucketNotFound):
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
	handle   Handler[T]
	asking   context.Context // ends when the shutdown begins
	cleanUp  context.Context // ends shortly before the shutdown timeout
	ackWait  atomic.Int64    // a time.Duration; another one when the consumer was re-created
	size     *size
	limits   *limits
	origin   *origin
	attempts *attempts

	room      patience   // for dead letters
	isolated  sync.Mutex // one message in quarantine at a time
	verifying mutex
	renewing  mutex
}

// run is one loop: ask, handle, settle. It asks until ctx ends; what it has begun
// may take until work ends.
func (w *worker[T]) run(ctx, work context.Context) error {
	for {
		err := w.consume(ctx, work)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errRenewed):
		default:
			return err
		}
	}
}

// consume works on the messages of one consumer, until ctx ends, the connection
// is closed, or the consumer turns out to be another one.
func (w *worker[T]) consume(ctx, work context.Context) error {
	if err := w.begin(ctx); err != nil {
		return err
	}
	epoch := w.origin.epoch.Load()
	p, err := newPuller(w.client.conn, w.log, w.limits, w.config.Stream, w.config.Consumer)
	if err != nil {
		return err
	}
	p.ready = func(ctx context.Context) error { return w.still(ctx, epoch) }
	for {
		n, tried, err := w.breaker.admit(ctx, w.size.next(), p.changed)
		if err != nil {
			w.handBack(int(epoch), p.stop(w.flush))
			return err
		}
		opening := w.breaker.begin()
		messages, err := p.next(ctx, n)
		switch {
		case ctx.Err() != nil:
			tried()
			w.handBack(int(epoch), append(messages, p.stop(w.flush)...))
			return ctx.Err()
		case n > 1 && w.breaker.isOpen(opening):
			w.handBack(int(epoch), messages) // it has opened meanwhile
		default:
			w.process(work, int(epoch), messages)
		}
		tried()
		switch {
		case err == nil:
		case errors.Is(err, errNotThere), errors.Is(err, errRenewed):
			if errors.Is(err, errRenewed) {
				w.origin.deleted(epoch)
			}
			// Arriving messages are not this consumer's; they are dropped without an ack.
			p.stop(nil)
			return errRenewed
		default:
			p.stop(nil)
			return err
		}
	}
}

// begin waits for the consumer, if it is not known to exist.
func (w *worker[T]) begin(ctx context.Context) error {
	if !w.renewing.lock(ctx) {
		return ctx.Err()
	}
	defer w.renewing.unlock()
	return w.awaitConsumer(ctx)
}

// still returns nil as long as deliveries come from the consumer of that epoch.
func (w *worker[T]) still(ctx context.Context, epoch int64) error {
	if w.client.conn.Stats().Reconnects != w.origin.verified.Load() {
		if err := w.verify(ctx); err != nil {
			return err
		}
	}
	if epoch != w.origin.epoch.Load() {
		return errRenewed
	}
	return nil
}

// handBack returns messages that were delivered and not begun to the queue, so
// that another replica gets them at once and not after the ack wait.
func (w *worker[T]) handBack(epoch int, messages []*nats.Msg) {
	if len(messages) == 0 || !w.owns(epoch) {
		return
	}
	for _, m := range messages {
		_ = w.client.conn.Publish(m.Reply, []byte("-NAK"))
	}
	w.counts.handedBack.Add(int64(len(messages)))
	w.flush()
}

// flush waits until the broker has received everything that was sent, within what is
// left of the shutdown timeout. If it fails, the broker redelivers after the ack wait.
func (w *worker[T]) flush() {
	if !w.client.conn.IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(w.cleanUp, max(w.client.grace, time.Millisecond)) // it must have a deadline
	defer cancel()
	_ = w.client.conn.FlushWithContext(ctx)
}
