package drain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/internal/ask"
	"decoupled.example/shared/topology"
)

// stuckAfter is how long a queue must stay unchanged before its consumer is
// examined. An ack in progress takes milliseconds.
const stuckAfter = 2 * time.Second

// stuckAcks finds and repairs stuck acks: messages that the broker keeps although
// their ack was recorded. A nats-server without replicas that shuts down under
// load may record an ack and stop before it removes the message (still seen in
// 2.15.3). The queue then holds messages, while its consumer has none pending
// delivery and none in flight.
//
// The repair resets the consumer to the first message of the queue. The broker
// delivers the messages again, the ledgers show that their work is done, and the
// services ack them a second time.
type stuckAcks struct {
	unchanged map[string]unchanged
	errs      map[string]error // for each queue, why it could not be examined or repaired
}

// unchanged is the state of a queue and the time of the first reading with it.
type unchanged struct {
	state State
	since time.Time
}

// repair examines each queue that has not changed for stuckAfter. It records in
// the snapshot how many stuck acks it repaired.
func (a *stuckAcks) repair(ctx context.Context, js jetstream.JetStream, snapshot Snapshot, now time.Time) {
	for i, s := range snapshot {
		if s.Stream == topology.DeadLetters {
			continue
		}
		u, known := a.unchanged[s.Stream]
		same := known && u.state.same(s)
		if s.Messages > 0 && same && now.Sub(u.since) < stuckAfter {
			continue
		}
		a.unchanged[s.Stream] = unchanged{s, now}
		if s.Messages == 0 || !same {
			delete(a.errs, s.Stream)
			continue
		}
		stuck, err := repair(ctx, js, s.Stream)
		if err != nil && ctx.Err() != nil {
			return // it was cut short: what the last examination reported still holds
		}
		a.errs[s.Stream] = err
		if stuck {
			snapshot[i].StuckAcks = s.Messages
		}
	}
}

// err reports why queues could not be examined or repaired.
func (a *stuckAcks) err() error {
	var all []error
	for _, queue := range topology.QueueNames {
		all = append(all, a.errs[queue])
	}
	return errors.Join(all...)
}

// repair resets the consumer of a queue if all messages of the queue are stuck
// acks, and reports whether they are.
func repair(ctx context.Context, js jetstream.JetStream, queue string) (stuck bool, err error) {
	name := topology.ConsumerOf(queue)
	err = ask.Once(ctx, js.Conn(), func(ctx context.Context) error {
		consumer, err := js.Consumer(ctx, queue, name)
		if err == nil {
			info := consumer.CachedInfo()
			stuck = info.NumPending == 0 && info.NumAckPending == 0
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("cannot read the consumer of %s: %w", queue, err)
	}
	if !stuck {
		return false, nil
	}
	err = ask.Once(ctx, js.Conn(), func(ctx context.Context) error {
		stream, err := js.Stream(ctx, queue)
		if err == nil {
			_, err = js.ResetConsumerToSequence(ctx, queue, name, stream.CachedInfo().State.FirstSeq)
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("cannot reset the consumer of %s to redeliver its stuck acks: %w", queue, err)
	}
	return true, nil
}
