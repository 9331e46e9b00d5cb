// Package depth reads how much is in the queues.
package depth

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/internal/ask"
	"decoupled.example/shared/topology"
)

// Depth is the unfinished work of one queue. Its parts are read one after the other, so
// they may not add up while messages flow. Only Messages decides whether anything is
// unfinished.
type Depth struct {
	Queue       string `json:"queue"`
	Messages    uint64 `json:"messages"`    // stored and not acknowledged, delivered or not
	Waiting     uint64 `json:"waiting"`     // not yet delivered
	InFlight    int    `json:"in_flight"`   // delivered and not yet acked; also returned messages that wait for redelivery
	Redelivered int    `json:"redelivered"` // of those in flight, delivered more than once
	Deliveries  uint64 `json:"deliveries"`  // since the queue was made
	Repeated    uint64 `json:"repeated"`    // of the deliveries since the last reset, those that were not a message's first

	Stored    uint64        `json:"stored"`             // messages stored since the queue was made
	Created   time.Time     `json:"created"`            // when it was made, by the broker's clock
	Oldest    time.Time     `json:"oldest"`             // when the oldest message was stored, by the broker's clock; zero when there is none
	OldestAge time.Duration `json:"oldest_age"`         // how long ago that is, in nanoseconds
	Paused    bool          `json:"paused"`             // delivery is stopped
	Leader    string        `json:"leader,omitempty"`   // on a cluster: the node that leads the stream
	Replicas  int           `json:"replicas,omitempty"` // on a cluster: the nodes that hold it and are current
}

// Unchanged reports whether nothing has happened in the queue since another reading:
// its oldest message has only become older.
func (d Depth) Unchanged(since Depth) bool {
	d.OldestAge = since.OldestAge
	return d == since
}

// note returns a number that a reset has recorded for a queue.
func note(config jetstream.StreamConfig, name string) uint64 {
	n, _ := strconv.ParseUint(config.Metadata[name], 10, 64) // none: never reset
	return n
}

// Read reads the depth of the three queues, in the order a request passes them.
// While the broker is unreachable it waits, until ctx ends.
func Read(ctx context.Context, js jetstream.JetStream) ([]Depth, error) {
	consumers, err := topology.Consumers(topology.Settings{})
	if err != nil {
		return nil, err
	}
	depths := make([]Depth, len(consumers))
	for i, c := range consumers {
		err := ask.Patiently(ctx, js.Conn(), func(ctx context.Context) (err error) {
			depths[i], err = read(ctx, js, c.Stream, c.Durable)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("cannot read the depth of %s: %w", c.Stream, err)
		}
	}
	return depths, nil
}

func read(ctx context.Context, js jetstream.JetStream, queue, name string) (Depth, error) {
	stream, err := js.Stream(ctx, queue)
	if err != nil {
		return Depth{}, err
	}
	consumer, err := js.Consumer(ctx, queue, name)
	if err != nil {
		return Depth{}, err
	}
	info := consumer.CachedInfo()
	d := Depth{
		Queue:       queue,
		Messages:    stream.CachedInfo().State.Msgs,
		Waiting:     info.NumPending,
		InFlight:    info.NumAckPending,
		Redelivered: info.NumRedelivered,
		Deliveries:  info.Delivered.Consumer,
	}
	state, config := stream.CachedInfo().State, stream.CachedInfo().Config
	d.Stored, d.Created, d.Paused = state.LastSeq, stream.CachedInfo().Created, info.Paused
	if state.Msgs > 0 {
		d.Oldest = state.FirstTime
		d.OldestAge = max(0, stream.CachedInfo().TimeStamp.Sub(state.FirstTime)) // both by the clock of the stream's leader
	}
	if cluster := stream.CachedInfo().Cluster; cluster != nil && cluster.Name != "" { // a single node leads itself
		d.Leader, d.Replicas = cluster.Leader, 1
		for _, peer := range cluster.Replicas {
			if peer.Current {
				d.Replicas++
			}
		}
	}
	// Each message's first delivery moves the stream's sequence on by one, and
	// each delivery the consumer's. A reset moves only the stream's.
	first := info.Delivered.Stream - min(info.Delivered.Stream, note(config, topology.MetadataReset))
	all := info.Delivered.Consumer - min(info.Delivered.Consumer, note(config, topology.MetadataDeliveries))
	d.Repeated = all - min(all, first)
	return d, nil
}
