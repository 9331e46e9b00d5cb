// Package reset empties a deployment, queues, ledgers and dead letters, without
// stopping a service, and proves that everything is zero afterwards.
//
//	refuse while requests arrive ─▶ pause all queues ─▶ wait until nothing is in flight
//	     ─▶ purge everything ─▶ prove that all is zero ─▶ resume
//
// The pause has an end of its own: should the reset die before it resumes the queues,
// they flow again a minute after the time that the reset was given.
package reset

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/internal/ask"
	"decoupled.example/console/pause"
	"decoupled.example/console/status"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

const (
	// heals is after which time the broker ends the pause, whatever happens.
	heals = time.Minute
	// resumeWithin bounds undoing the pause of one queue, also after a failure.
	resumeWithin = 5 * time.Second
)

// ErrAsking is the error while requests arrive: they would be lost.
var ErrAsking = errors.New("requests are being asked")

// Run resets the deployment within that time. It always resumes the queues that it has
// paused; the error names a queue that it cannot resume. A queue that was paused before,
// for longer than the reset may take, stays paused. Run calls tell with a description of
// each step.
func Run(ctx context.Context, nc *nats.Conn, js jetstream.JetStream, within time.Duration, tell func(string)) (err error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	r := &reset{nc: nc, js: js, until: time.Now().Add(within + heals), tell: tell, seen: make(map[string]service.Status)}
	defer func() { err = errors.Join(err, r.resume(context.WithoutCancel(ctx))) }()
	for _, step := range []func(context.Context) error{r.refuse, r.pause, r.awaitNothingInFlight, r.refuse, r.empty, r.prove} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("cannot reset: %w", err)
		}
	}
	return nil
}

// reset is one call of Run.
type reset struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	until  time.Time // the end of the pause, by our own clock
	tell   func(string)
	paused []string                  // the queues to resume
	asked  *asked                    // what had been asked when they were
	seen   map[string]service.Status // the replicas that have answered once, by instance
}

// refuse returns an error while requests arrive: from a requestor, which it names, or,
// since the queues were paused, from any other client, which shows only in the stream.
func (r *reset) refuse(ctx context.Context) error {
	replicas, err := r.replicas(ctx)
	if err != nil {
		return err
	}
	var asking []string
	for _, s := range replicas {
		if s.Counts[service.CountAsking] > 0 {
			asking = append(asking, name(s))
		}
	}
	if len(asking) > 0 {
		return fmt.Errorf("%w: stop these requestors, or give them a rate of 0: %s", ErrAsking, strings.Join(asking, ", "))
	}
	if r.asked == nil {
		return nil
	}
	now, err := r.readAsked(ctx)
	if err == nil && now != *r.asked {
		return fmt.Errorf("%w: %d came while the queues were paused, from a `console send`, a redrive, or a requestor that does not answer", ErrAsking, now.requests-r.asked.requests)
	}
	return err
}

func (r *reset) replicas(ctx context.Context) ([]service.Status, error) {
	replicas, err := status.AllReplicas(ctx, r.nc)
	for _, s := range replicas {
		r.seen[s.Instance] = s
	}
	return replicas, err
}

func name(s service.Status) string { return fmt.Sprintf("%s %s on %s", s.Service, s.Instance, s.Host) }

// asked is how much has ever been asked, and recorded as asked.
type asked struct{ requests, recorded uint64 }

func (r *reset) readAsked(ctx context.Context) (asked, error) {
	var last [2]uint64
	for i, stream := range []string{topology.Requests, "KV_" + topology.Asked} {
		info, err := ask.Stream(ctx, r.js, stream)
		if err != nil {
			return asked{}, fmt.Errorf("cannot read %s: %w", stream, err)
		}
		last[i] = info.State.LastSeq
	}
	return asked{last[0], last[1]}, nil
}

// pause pauses the queues, except those that are already paused for longer.
func (r *reset) pause(ctx context.Context) error {
	for _, queue := range topology.QueueNames {
		left, err := pause.Remaining(ctx, r.js, queue)
		if err != nil {
			return err
		}
		if left > time.Until(r.until) {
			r.tell(queue + " is paused already, and stays so")
			continue
		}
		r.paused = append(r.paused, queue) // first: a pause that is not confirmed may be one
		if err := pause.Queue(ctx, r.js, queue, time.Until(r.until).Round(time.Second)); err != nil {
			return err
		}
	}
	now, err := r.readAsked(ctx)
	r.asked = &now
	return err
}

// resume undoes the pause. It continues after a queue that cannot be resumed.
func (r *reset) resume(ctx context.Context) error {
	var failed []error
	for _, queue := range r.paused {
		within, cancel := context.WithTimeout(ctx, resumeWithin)
		if err := pause.Resume(within, r.js, queue); err != nil {
			failed = append(failed, fmt.Errorf("%w: delivery resumes automatically within %v, or with `console resume %s`", err, max(0, time.Until(r.until)).Round(time.Second), queue))
		}
		cancel()
	}
	return errors.Join(failed...)
}
