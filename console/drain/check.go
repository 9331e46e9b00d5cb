package drain

import (
	"context"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/internal/ask"
	"decoupled.example/shared/topology"
)

// reader reads the state of one stream.
type reader func(ctx context.Context, stream string) (State, error)

// order is the order in which the streams are read. Check is correct with any order.
var order = append(slices.Clone(topology.QueueNames), topology.DeadLetters)

// Check reports whether there was a moment during the call at which all queues
// were empty together. The snapshot is the second pass. Check sends each request
// once: an error means that the broker did not answer or that a stream does not
// exist.
func Check(ctx context.Context, js jetstream.JetStream) (bool, Snapshot, error) {
	return check(ctx, streamState(js))
}

// CheckPatiently is like Check, but retries until ctx ends while the broker is
// unreachable, does not answer, or elects a leader.
func CheckPatiently(ctx context.Context, js jetstream.JetStream) (drained bool, s Snapshot, err error) {
	err = ask.Again(ctx, js.Conn(), func(ctx context.Context) (err error) {
		drained, s, err = Check(ctx, js)
		return err
	})
	return drained, s, err
}

func check(ctx context.Context, read reader) (bool, Snapshot, error) {
	first, err := pass(ctx, read, order)
	if err != nil {
		return false, nil, err
	}
	second, err := pass(ctx, read, order)
	if err != nil {
		return false, nil, err
	}
	return DrainedBetween(first, second), second, nil
}

// DrainedBetween reports whether there was a moment between two passes at which all
// queues were empty together. Passes that did not read the same streams prove nothing.
func DrainedBetween(first, second Snapshot) bool {
	return first.Empty() && slices.EqualFunc(first, second, State.same)
}

// Conclusive calls look and reports whether what look finds unfinished is lost: before
// look was called all queues were empty together, and until it returned no dead
// letter was written, redriven or discarded. So a request that was confirmed before
// Conclusive was called and that look finds neither finished nor among the dead letters
// is nowhere. Conclusive does not call look if the queues are not drained.
func Conclusive(ctx context.Context, js jetstream.JetStream, look func(ctx context.Context) error) (bool, error) {
	drained, before, err := CheckPatiently(ctx, js)
	if err != nil || !drained {
		return false, err
	}
	if err := look(ctx); err != nil {
		return false, err
	}
	// What was a dead letter when the queues were empty may have been redriven before
	// look looked for it.
	_, after, err := CheckPatiently(ctx, js)
	return err == nil && before.sameLetters(after), err
}

func pass(ctx context.Context, read reader, order []string) (Snapshot, error) {
	snapshot := make(Snapshot, 0, len(order))
	for _, stream := range order {
		s, err := read(ctx, stream)
		if err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", stream, err)
		}
		snapshot = append(snapshot, s)
	}
	return snapshot, nil
}

func streamState(js jetstream.JetStream) reader {
	return func(ctx context.Context, name string) (state State, err error) {
		err = ask.Once(ctx, js.Conn(), func(ctx context.Context) error {
			stream, err := js.Stream(ctx, name)
			if err != nil {
				return err
			}
			info := stream.CachedInfo()
			state = State{Stream: name, Messages: info.State.Msgs, LastSeq: info.State.LastSeq, Created: info.Created}
			return nil
		})
		return state, err
	}
}
