// Package status reads the state of a deployment: depths, counts, live replicas.
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

// Status is the state of a deployment at one time. Its parts are read one after the
// other.
type Status struct {
	At          time.Time         `json:"at"` // by the reader's clock: compare it with that of another Status only
	Queues      []depth.Depth     `json:"queues"`
	Ledgers     map[string]uint64 `json:"ledgers"` // entries of each
	DeadLetters uint64            `json:"letters"`
	Replicas    []service.Status  `json:"replicas"`

	Streams map[string]*jetstream.StreamInfo `json:"-"` // of the ledgers, by the ledger's name, and of the dead letters
}

// Read reads the status of the deployment. While the broker is unreachable it waits,
// until ctx ends.
//
// It reads the asked requests first, and then all places in the order in which requests
// pass them. A request that moves meanwhile is counted twice rather than not at all.
func Read(ctx context.Context, nc *nats.Conn, js jetstream.JetStream) (s Status, err error) {
	s.Ledgers, s.Streams = make(map[string]uint64), make(map[string]*jetstream.StreamInfo)
	if s.Replicas, err = Replicas(ctx, nc); err != nil {
		return s, err
	}
	s.At = time.Now() // after the replicas, whose answers are waited for
	for _, name := range topology.LedgerNames {
		if s.Streams[name], err = ask.Stream(ctx, js, "KV_"+name); err != nil {
			return s, fmt.Errorf("cannot count ledger %s: %w", name, err)
		}
		s.Ledgers[name] = s.Streams[name].State.Msgs
		if name != topology.Asked {
			continue
		}
		if s.Queues, err = depth.Read(ctx, js); err != nil {
			return s, err
		}
	}
	info, err := ask.Stream(ctx, js, topology.DeadLetters)
	if err != nil {
		return s, fmt.Errorf("cannot count the dead letters: %w", err)
	}
	s.Streams[topology.DeadLetters], s.DeadLetters = info, info.State.Msgs
	return s, nil
}

// Alive returns how many replicas of a service answered.
func (s Status) Alive(name string) (n int) {
	for _, r := range s.Replicas {
		if r.Service == name {
			n++
		}
	}
	return n
}

// Unfinished returns how many messages the queues hold.
func (s Status) Unfinished() (n uint64) {
	for _, q := range s.Queues {
		n += q.Messages
	}
	return n
}

// Repeated returns how many deliveries were not a message's first.
func (s Status) Repeated() (n uint64) {
	for _, q := range s.Queues {
		n += q.Repeated
	}
	return n
}
