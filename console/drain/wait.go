package drain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/shared/topology"
)

// pollEvery is how often Wait checks.
const pollEvery = 100 * time.Millisecond

// ErrNotDrained is the error of a Wait that ended before the queues were empty.
var ErrNotDrained = errors.New("not drained")

// Wait returns nil as soon as a Check succeeds. It goes on while the broker is
// away. When ctx ends first, the error unwraps to ErrNotDrained and says what
// remains, and whether new requests keep arriving or the broker is away. A
// stream or a permission that is missing, and a closed connection, end it at
// once. Each snapshot is given to progress, which may be nil.
//
// What the broker keeps though it was acknowledged, a fault that it has when it
// is shut down under load, is delivered again, so that it can be removed:
// State.Forgotten tells. That takes the permission to reset a consumer.
func Wait(ctx context.Context, js jetstream.JetStream, progress func(Snapshot)) error {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	var (
		last    Snapshot
		arrived arrivals
		trouble error // why the last check failed
		kept    = forgotten{unchanged: make(map[string]unchanged), errs: make(map[string]error)}
	)
	for {
		drained, snapshot, err := Check(ctx, js)
		switch {
		case err == nil:
			last, trouble = snapshot, nil
			arrived.note(snapshot.of(topology.Requests), time.Now())
			kept.redeliver(ctx, js, snapshot, time.Now())
			if progress != nil {
				progress(snapshot)
			}
			if drained {
				return nil
			}
		case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, nats.ErrPermissionViolation), errors.Is(err, nats.ErrConnectionClosed):
			return fmt.Errorf("cannot tell whether all is finished: %w", err)
		case ctx.Err() == nil:
			trouble = err
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			if trouble == nil && !js.Conn().IsConnected() { // since a moment ago
				trouble = nats.ErrDisconnected
			}
			return notDrained(last, &arrived, trouble, kept.err())
		}
	}
}

func notDrained(last Snapshot, arrived *arrivals, trouble, stuck error) error {
	what := "there was no time for a single reading"
	if last != nil {
		what = fmt.Sprintf("%d messages remain (%s)", last.Unfinished(), last)
	}
	switch rate := arrived.rate(); {
	case trouble != nil && last == nil:
		return fmt.Errorf("%w: the broker does not answer: %w", ErrNotDrained, trouble)
	case trouble != nil:
		return fmt.Errorf("%w: %s; since then the broker does not answer: %w", ErrNotDrained, what, trouble)
	case stuck != nil:
		return fmt.Errorf("%w: %s; %w", ErrNotDrained, what, stuck)
	case rate > 0:
		return fmt.Errorf("%w: %s; new requests keep arriving: %.3g/s", ErrNotDrained, what, rate)
	}
	return fmt.Errorf("%w: %s", ErrNotDrained, what)
}
