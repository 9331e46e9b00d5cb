// Package reset empties a deployment, queues, ledgers and dead letters, without
// stopping a service, and proves that everything is zero afterwards.
//
//	refuse while someone asks ─▶ pause all queues ─▶ wait until nothing is in hand
//	     ─▶ purge everything ─▶ prove that all is zero ─▶ resume
package reset

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/depth"
	"decoupled.example/console/pause"
	"decoupled.example/console/status"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

const (
	// lookEvery is how often what is in hand is asked for.
	lookEvery = 100 * time.Millisecond
	// resumeWithin bounds undoing the pause, also after a failure.
	resumeWithin = 10 * time.Second
)

// ErrAsking is the error while requestors ask: what they have just asked would
// be lost.
var ErrAsking = errors.New("requestors are asking")

// Run resets the deployment. The queues are resumed whatever happens, unless the
// broker is gone.
func Run(ctx context.Context, nc *nats.Conn, js jetstream.JetStream) (err error) {
	if err := refuse(ctx, nc); err != nil {
		return fmt.Errorf("cannot reset: %w", err)
	}
	defer func() {
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), resumeWithin)
		defer cancel()
		for _, queue := range topology.QueueNames {
			if failed := pause.Resume(after, js, queue); failed != nil {
				err = errors.Join(err, failed)
			}
		}
	}()
	for _, queue := range topology.QueueNames {
		if err := pause.Queue(ctx, js, queue, pause.Forever); err != nil {
			return fmt.Errorf("cannot reset: %w", err)
		}
	}
	if err := awaitNothingInHand(ctx, nc, js); err != nil {
		return fmt.Errorf("cannot reset: %w", err)
	}
	if err := refuse(ctx, nc); err != nil { // one may have come meanwhile
		return fmt.Errorf("cannot reset: %w", err)
	}
	streams, err := topology.Streams(topology.Settings{})
	if err != nil {
		return err
	}
	delivered, err := deliveries(ctx, js)
	if err != nil {
		return fmt.Errorf("cannot reset: %w", err)
	}
	for _, config := range streams {
		if err := empty(ctx, js, config.Name, delivered); err != nil {
			return fmt.Errorf("cannot reset: cannot empty %s: %w", config.Name, err)
		}
	}
	for _, config := range streams {
		stream, err := js.Stream(ctx, config.Name)
		if err != nil {
			return fmt.Errorf("cannot reset: cannot read %s: %w", config.Name, err)
		}
		if n := stream.CachedInfo().State.Msgs; n > 0 {
			return fmt.Errorf("cannot reset: %s holds %d again: someone publishes to it", config.Name, n)
		}
	}
	return nil
}

// refuse names the replicas that ask.
func refuse(ctx context.Context, nc *nats.Conn) error {
	replicas, err := status.Replicas(ctx, nc)
	if err != nil {
		return err
	}
	var asking []string
	for _, r := range replicas {
		if r.Counts[service.CountAsking] > 0 {
			asking = append(asking, fmt.Sprintf("%s %s on %s", r.Service, r.Instance, r.Host))
		}
	}
	if len(asking) > 0 {
		return fmt.Errorf("%w: stop them, or give them a rate of 0: %s", ErrAsking, strings.Join(asking, ", "))
	}
	return nil
}

// awaitNothingInHand returns when no replica works on anything. While the queues
// are paused nothing new is delivered, so it stays so.
//
// Messages that were handed back, or whose worker died, wait for a redelivery
// that the pause holds up: the broker counts them as delivered, though nobody
// works on them. What is in hand only the replicas know.
func awaitNothingInHand(ctx context.Context, nc *nats.Conn, js jetstream.JetStream) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	idle := 0
	for {
		depths, err := depth.Read(ctx, js)
		if err != nil {
			return err
		}
		delivered := 0
		for _, d := range depths {
			delivered += d.InFlight
		}
		if delivered == 0 {
			return nil
		}
		inHand, err := inHand(ctx, nc)
		if err != nil {
			return err
		}
		// Twice: the first answer may have overtaken a delivery.
		if idle++; inHand > 0 {
			idle = 0
		} else if idle >= 2 {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("%d messages are still being worked on: %w", inHand, ctx.Err())
		}
	}
}

func inHand(ctx context.Context, nc *nats.Conn) (n int64, err error) {
	replicas, err := status.Replicas(ctx, nc)
	for _, r := range replicas {
		n += r.Counts[service.CountInHand]
	}
	return n, err
}

// deliveries are how many deliveries of each queue there have been.
func deliveries(ctx context.Context, js jetstream.JetStream) (map[string]uint64, error) {
	depths, err := depth.Read(ctx, js)
	delivered := make(map[string]uint64)
	for _, d := range depths {
		delivered[d.Queue] = d.Deliveries
	}
	return delivered, err
}

// empty purges a stream, and notes at which sequence its life begins anew: from
// there on is counted what is written twice and delivered twice.
func empty(ctx context.Context, js jetstream.JetStream, name string, delivered map[string]uint64) error {
	stream, err := js.Stream(ctx, name)
	if err != nil {
		return err
	}
	if err := stream.Purge(ctx); err != nil {
		return err
	}
	info, err := stream.Info(ctx)
	if err != nil {
		return err
	}
	config := info.Config
	if config.Metadata == nil {
		config.Metadata = make(map[string]string)
	}
	config.Metadata[topology.MetadataReset] = fmt.Sprint(info.State.LastSeq)
	if deliveries, is := delivered[name]; is {
		config.Metadata[topology.MetadataDeliveries] = fmt.Sprint(deliveries)
	}
	_, err = js.UpdateStream(ctx, config)
	return err
}
