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

// pollEvery is the interval between two checks of Wait.
const pollEvery = 100 * time.Millisecond

// ErrNotDrained is the error of a Wait that ended before the queues were empty.
var ErrNotDrained = errors.New("not drained")

// Wait checks until a Check succeeds and then returns nil. It continues while the
// broker is unreachable. If ctx ends first, the error unwraps to ErrNotDrained and
// reports which messages remain, and whether new requests keep arriving or the
// broker does not answer. A missing stream, a missing permission and a closed
// connection end it at once. Wait calls progress, which may be nil, with each
// snapshot.
//
// Wait repairs stuck acks, a fault of the broker, and reports them in
// State.StuckAcks. This requires the permission to reset a consumer.
func Wait(ctx context.Context, js jetstream.JetStream, progress func(Snapshot)) error {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	var (
		last    Snapshot
		arrived arrivals
		trouble error // of the last check
		stuck   = stuckAcks{unchanged: make(map[string]unchanged), errs: make(map[string]error)}
	)
	for {
		drained, snapshot, err := Check(ctx, js)
		switch {
		case err == nil:
			last, trouble = snapshot, nil
			arrived.note(snapshot.of(topology.Requests), time.Now())
			stuck.repair(ctx, js, snapshot, time.Now())
			if progress != nil {
				progress(snapshot)
			}
			if drained {
				return nil
			}
		case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, nats.ErrPermissionViolation), errors.Is(err, nats.ErrConnectionClosed):
			return fmt.Errorf("cannot determine whether the queues are drained: %w", err)
		case ctx.Err() == nil:
			trouble = err
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			if trouble == nil && !js.Conn().IsConnected() { // it was lost during the wait for the next check
				trouble = nats.ErrDisconnected
			}
			return notDrained(last, &arrived, trouble, stuck.err())
		}
	}
}

func notDrained(last Snapshot, arrived *arrivals, trouble, stuck error) error {
	what := "no reading completed in time"
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
