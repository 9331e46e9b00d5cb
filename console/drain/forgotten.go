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

// forgottenAfter is how long nothing may have changed in a queue before what it
// holds is looked at. An acknowledgement that is under way takes milliseconds.
const forgottenAfter = 2 * time.Second

// forgotten finds messages that the broker will deliver to nobody. A nats-server
// (2.15.2, without replicas) that is shut down under load may note an
// acknowledgement and not remove its message: that counts as unfinished for
// ever, though nothing is waiting and nothing is in flight.
//
// Once its consumer is reset to the first message, it is delivered again. The
// ledgers know that its work is done; it is acknowledged, and removed this time.
type forgotten struct {
	unchanged map[string]unchanged
	errs      map[string]error // of a queue: why it could not be looked at, or not be mended
}

// unchanged is the state of a queue, and since when it is that.
type unchanged struct {
	state State
	since time.Time
}

// redeliver looks at the queues that have not changed for a while, has what is
// forgotten in them delivered again, and notes in the snapshot how much that is.
func (f *forgotten) redeliver(ctx context.Context, js jetstream.JetStream, snapshot Snapshot, now time.Time) {
	for i, s := range snapshot {
		if s.Stream == topology.DeadLetters {
			continue
		}
		u, known := f.unchanged[s.Stream]
		if s.Messages > 0 && known && u.state.same(s) && now.Sub(u.since) < forgottenAfter {
			continue
		}
		f.unchanged[s.Stream] = unchanged{s, now}
		delete(f.errs, s.Stream)
		if s.Messages == 0 || !known || !u.state.same(s) {
			continue
		}
		is, err := isForgotten(ctx, js, s)
		if err != nil && ctx.Err() == nil {
			f.errs[s.Stream] = err
		}
		if !is || err != nil {
			continue
		}
		if err := reset(ctx, js, s.Stream); err != nil {
			f.errs[s.Stream] = fmt.Errorf("the broker did not remove what was acknowledged in %s, and cannot be made to deliver it again: %w", s.Stream, err)
			continue
		}
		snapshot[i].Forgotten = s.Messages
	}
}

// err is why something could not be looked at, or not be mended.
func (f *forgotten) err() error {
	var all []error
	for _, queue := range topology.QueueNames {
		all = append(all, f.errs[queue])
	}
	return errors.Join(all...)
}

// isForgotten says whether nothing of what a queue holds is waiting or in flight.
func isForgotten(ctx context.Context, js jetstream.JetStream, s State) (is bool, err error) {
	err = ask.Once(ctx, js.Conn(), func(ctx context.Context) error {
		consumer, err := js.Consumer(ctx, s.Stream, topology.ConsumerOf(s.Stream))
		if err != nil {
			return err
		}
		info := consumer.CachedInfo()
		is = info.NumPending == 0 && info.NumAckPending == 0
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("cannot read the consumer of %s: %w", s.Stream, err)
	}
	return is, nil
}

// reset has the broker deliver a queue from its first message on.
func reset(ctx context.Context, js jetstream.JetStream, queue string) error {
	return ask.Once(ctx, js.Conn(), func(ctx context.Context) error {
		stream, err := js.Stream(ctx, queue)
		if err == nil {
			_, err = js.ResetConsumerToSequence(ctx, queue, topology.ConsumerOf(queue), stream.CachedInfo().State.FirstSeq)
		}
		return err
	})
}
