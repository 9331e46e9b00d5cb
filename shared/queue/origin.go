package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/shared/retry"
)

// origin tells the consumer that delivered a message from one that was made in
// its place. The broker matches acks by the message's sequence alone: after the
// stream or its consumer was deleted and re-created, or restored from a backup, an
// ack of an earlier delivery would remove whatever message has its sequence now.
//
// An epoch is the life of one consumer, as far as this process knows. It ends when
// the broker announces the deletion, or when, after a connection was lost, the
// consumer was created at another time or has delivered less than was received.
// Deliveries of an earlier epoch are released unsettled.
type origin struct {
	log   *slog.Logger
	epoch atomic.Int64
	// verified is the number of reconnects at which the epoch was seen to last.
	verified atomic.Uint64

	mu        sync.Mutex
	created   time.Time // of the consumer; zero when unknown
	delivered uint64    // highest sequence among the consumer's deliveries
}

// saw notes a delivery.
func (o *origin) saw(epoch int, sequence uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if int64(epoch) == o.epoch.Load() {
		o.delivered = max(o.delivered, sequence)
	}
}

// question is what was known when the broker was asked for the consumer.
type question struct {
	epoch      int64
	delivered  uint64
	reconnects uint64
}

// ask is to be called before the broker is asked for the consumer.
func (o *origin) ask(conn *nats.Conn) question {
	reconnects := conn.Stats().Reconnects
	o.mu.Lock()
	defer o.mu.Unlock()
	return question{o.epoch.Load(), o.delivered, reconnects}
}

// observe compares the consumer with the one that the epoch began with.
func (o *origin) observe(q question, info *jetstream.ConsumerInfo) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if q.epoch != o.epoch.Load() {
		return // the answer may be about the one before
	}
	if !o.created.IsZero() && (!info.Created.Equal(o.created) || info.Delivered.Consumer < q.delivered) {
		o.end()
	}
	o.created = info.Created
	o.verified.Store(q.reconnects)
}

// deleted ends an epoch.
func (o *origin) deleted(epoch int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if epoch == o.epoch.Load() {
		o.end()
	}
}

func (o *origin) end() {
	o.epoch.Add(1)
	o.created, o.delivered = time.Time{}, 0
	o.log.Warn("the consumer was deleted or re-created; messages in flight are released")
}

// current reports whether deliveries of an epoch may be settled now, as far as is
// known without asking the broker. What is sent without a connection waits in the
// client's buffer, and would reach whatever consumer is there after the outage.
func (o *origin) current(epoch int, conn *nats.Conn) bool {
	return int64(epoch) == o.epoch.Load() && conn.IsConnected() && conn.Stats().Reconnects == o.verified.Load()
}

// owns reports whether deliveries of an epoch may be settled. After a connection
// was lost it waits for the next one and asks the broker first. A shutdown does not
// wait for a connection.
func (w *worker[T]) owns(epoch int) bool {
	for !w.origin.current(epoch, w.client.conn) {
		if int64(epoch) != w.origin.epoch.Load() || w.verify(w.cleanUp) != nil {
			return false
		}
	}
	return true
}

// verify asks the broker whether the consumer is still the same, until it answers
// or ctx ends.
func (w *worker[T]) verify(ctx context.Context) error {
	if !w.verifying.lock(ctx) {
		return ctx.Err()
	}
	defer w.verifying.unlock()
	return w.compare(ctx)
}

// verifySoon is verify for a caller that does not wait. Nothing happens when the
// broker is being asked already.
func (w *worker[T]) verifySoon() {
	if !w.verifying.tryLock() {
		return
	}
	go func() {
		defer w.verifying.unlock()
		_ = w.compare(w.cleanUp) // failed: then the next caller asks
	}()
}

// compare is for the holder of w.verifying.
func (w *worker[T]) compare(ctx context.Context) error {
	for {
		if err := w.client.publisher.AwaitConnection(w.asking); err != nil {
			return err
		}
		if w.client.conn.Stats().Reconnects == w.origin.verified.Load() {
			return nil
		}
		question := w.origin.ask(w.client.conn)
		consumer, err := w.lookUp(ctx)
		switch {
		case err == nil:
			w.origin.observe(question, consumer.CachedInfo())
			continue
		case errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrConsumerDoesNotExist), errors.Is(err, jetstream.ErrStreamNotFound):
			w.origin.deleted(question.epoch)
			w.origin.verified.Store(question.reconnects)
			return nil
		case errors.Is(err, nats.ErrConnectionClosed):
			return err
		}
		if err := retry.Wait(ctx, lookEvery); err != nil {
			return err
		}
	}
}

// watchDeletion ends the epoch when the broker announces that the stream or the
// consumer was deleted.
func (w *worker[T]) watchDeletion() (stop func(), err error) {
	var subscriptions []*nats.Subscription
	stop = func() {
		for _, s := range subscriptions {
			_ = s.Unsubscribe() // fails only when the connection is closed
		}
	}
	for _, subject := range []string{
		"$JS.EVENT.ADVISORY.STREAM.DELETED." + w.config.Stream,
		"$JS.EVENT.ADVISORY.CONSUMER.DELETED." + w.config.Stream + "." + w.config.Consumer,
	} {
		s, err := w.client.conn.Subscribe(subject, func(*nats.Msg) { w.origin.deleted(w.origin.epoch.Load()) })
		if err != nil {
			stop()
			return nil, fmt.Errorf("cannot subscribe to %s: %w", subject, err)
		}
		subscriptions = append(subscriptions, s)
	}
	return stop, nil
}

// mutex is a lock that is waited for no longer than a context lives.
type mutex chan struct{}

func newMutex() mutex { return make(mutex, 1) }

// lock reports whether it has got the lock before ctx ended.
func (m mutex) lock(ctx context.Context) bool {
	select {
	case m <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// tryLock reports whether the lock was free. It is locked then.
func (m mutex) tryLock() bool {
	select {
	case m <- struct{}{}:
		return true
	default:
		return false
	}
}

func (m mutex) unlock() { <-m }
