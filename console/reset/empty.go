package reset

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/depth"
	"decoupled.example/console/internal/ask"
	"decoupled.example/shared/topology"
)

// empty purges every stream.
func (r *reset) empty(ctx context.Context) error {
	depths, err := depth.Read(ctx, r.js)
	if err != nil {
		return err
	}
	deliveries := make(map[string]uint64)
	for _, d := range depths {
		deliveries[d.Queue] = d.Deliveries
	}
	return r.each(ctx, func(ctx context.Context, name string) error {
		r.tell("emptying " + name)
		return purge(ctx, r.js, name, deliveries)
	})
}

// purge empties a stream and records its last sequence, from which duplicates and
// redeliveries are counted again.
func purge(ctx context.Context, js jetstream.JetStream, name string, deliveries map[string]uint64) error {
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
	if n, ok := deliveries[name]; ok {
		config.Metadata[topology.MetadataDeliveries] = fmt.Sprint(n)
	}
	_, err = js.UpdateStream(ctx, config)
	return err
}

// prove fails unless every stream is empty.
func (r *reset) prove(ctx context.Context) error {
	r.tell("proving that all is empty")
	held := make(map[string]uint64)
	err := r.each(ctx, func(ctx context.Context, name string) error {
		stream, err := r.js.Stream(ctx, name)
		if err == nil {
			held[name] = stream.CachedInfo().State.Msgs
		}
		return err
	})
	for name, n := range held {
		if n > 0 {
			return fmt.Errorf("%s holds %d again: a client publishes to it", name, n)
		}
	}
	return err
}

// each calls a function for every stream, and again after an outage of the broker: the
// function may be called any number of times.
func (r *reset) each(ctx context.Context, do func(ctx context.Context, name string) error) error {
	streams, err := topology.Streams(topology.Settings{})
	if err != nil {
		return err
	}
	// The ledgers first, and of these what was asked: nothing seems lost to a reader meanwhile.
	ledgers := slices.IndexFunc(streams, func(s jetstream.StreamConfig) bool { return strings.HasPrefix(s.Name, "KV_") })
	streams = slices.Concat(streams[ledgers:], streams[:ledgers])
	for _, config := range streams {
		err := ask.Patiently(ctx, r.nc, func(ctx context.Context) error { return do(ctx, config.Name) })
		if err != nil {
			return fmt.Errorf("cannot empty or read %s: %w", config.Name, err)
		}
	}
	return nil
}
