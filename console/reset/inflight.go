package reset

import (
	"context"
	"fmt"
	"slices"
	"time"

	"decoupled.example/console/depth"
	"decoupled.example/shared/service"
)

const (
	// lookEvery is the shortest time between two questions about messages in flight.
	lookEvery = 100 * time.Millisecond
	// quiet is for how long nothing may be in flight, and nothing happen. A replica
	// that has received a part of a batch counts it only when it no longer expects
	// the rest, after a second.
	quiet = 2500 * time.Millisecond
)

// awaitNothingInFlight returns when no replica works on anything. While the queues are
// paused nothing new is delivered, so that does not change.
//
// Messages that were returned, or whose worker died, wait for a redelivery
// that the pause holds up: the broker counts them as delivered, though no replica
// works on them. Only the replicas know what is in flight.
func (r *reset) awaitNothingInFlight(ctx context.Context) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	var before []depth.Depth
	var idle time.Time // since when
	state := "it is not known what is in flight"
	for {
		begun := time.Now()
		now, err := depth.Read(ctx, r.js)
		if err != nil {
			return fmt.Errorf("%s: %w", state, err)
		}
		busy, err := r.busy(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", state, err)
		}
		if busy != "" || !slices.EqualFunc(now, before, depth.Depth.Unchanged) {
			idle = time.Time{}
		} else if idle.IsZero() {
			idle = begun
		}
		before = now
		delivered, paused := 0, true
		for _, d := range now {
			delivered, paused = delivered+d.InFlight, paused && d.Paused
		}
		quietly := delivered == 0 || !idle.IsZero() && begun.Sub(idle) > quiet
		if busy == "" && paused && quietly {
			return nil
		}
		state = fmt.Sprintf("%d messages are delivered and not settled", delivered)
		if busy != "" {
			state += "; " + busy
		}
		r.tell(state)
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", state, ctx.Err())
		}
	}
}

// busy reports what the replicas have in flight, or which of those that have answered
// once is silent now: its messages in flight are unknown. "" is for nothing.
func (r *reset) busy(ctx context.Context) (string, error) {
	silent := make(map[string]service.Status)
	for instance, s := range r.seen {
		silent[instance] = s
	}
	replicas, err := r.replicas(ctx)
	if err != nil {
		return "", err
	}
	inHand := int64(0)
	for _, s := range replicas {
		delete(silent, s.Instance)
		inHand += s.Counts[service.CountInFlight]
	}
	for _, s := range silent {
		return name(s) + " no longer answers: its messages in flight are unknown", nil
	}
	if inHand > 0 {
		return fmt.Sprintf("%d are being worked on", inHand), nil
	}
	return "", nil
}
