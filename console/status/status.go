// Package status reads how a deployment is: depths, counts, live replicas.
package status

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/depth"
	"decoupled.example/console/internal/ask"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

// Status is how a deployment was at one time. Its parts are read one after the
// other.
type Status struct {
	At       time.Time         `json:"at"` // by the reader's clock: compare it with that of another Status only
	Queues   []depth.Depth     `json:"queues"`
	Ledgers  map[string]uint64 `json:"ledgers"` // entries of each
	Letters  uint64            `json:"letters"`
	Replicas []service.Status  `json:"replicas"`
}

// Read reads the status of the deployment. While the broker is away it waits,
// until ctx ends.
func Read(ctx context.Context, nc *nats.Conn, js jetstream.JetStream) (Status, error) {
	s := Status{At: time.Now(), Ledgers: make(map[string]uint64)}
	var err error
	if s.Replicas, err = Replicas(ctx, nc); err != nil {
		return s, err
	}
	if s.Queues, err = depth.Read(ctx, js); err != nil {
		return s, err
	}
	for _, name := range topology.LedgerNames {
		if s.Ledgers[name], err = messages(ctx, js, "KV_"+name); err != nil {
			return s, fmt.Errorf("cannot count ledger %s: %w", name, err)
		}
	}
	if s.Letters, err = messages(ctx, js, topology.DeadLetters); err != nil {
		return s, fmt.Errorf("cannot count the dead letters: %w", err)
	}
	return s, nil
}

// messages is how many messages a stream holds.
func messages(ctx context.Context, js jetstream.JetStream, name string) (n uint64, err error) {
	err = ask.Patiently(ctx, js.Conn(), func(ctx context.Context) error {
		stream, err := js.Stream(ctx, name)
		if err == nil {
			n = stream.CachedInfo().State.Msgs
		}
		return err
	})
	return n, err
}

// Alive is how many replicas of a service answered.
func (s Status) Alive(name string) (n int) {
	for _, r := range s.Replicas {
		if r.Service == name {
			n++
		}
	}
	return n
}

// Unfinished is how many messages the queues hold.
func (s Status) Unfinished() (n uint64) {
	for _, q := range s.Queues {
		n += q.Messages
	}
	return n
}

// Repeated is how many deliveries were not a message's first.
func (s Status) Repeated() (n uint64) {
	for _, q := range s.Queues {
		n += q.Repeated
	}
	return n
}
