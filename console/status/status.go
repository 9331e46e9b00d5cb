// Package status reads how a deployment is: depths, counts, live replicas.
package status

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/depth"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

// answerWithin is how long replicas have to answer. Those that are alive take
// milliseconds.
const answerWithin = 150 * time.Millisecond

// Status is how a deployment was at one time. Its parts are read one after the
// other.
type Status struct {
	At       time.Time         `json:"at"`
	Queues   []depth.Depth     `json:"queues"`
	Ledgers  map[string]uint64 `json:"ledgers"` // entries of each
	Letters  uint64            `json:"letters"`
	Replicas []service.Status  `json:"replicas"`
}

// Read reads the status of the deployment.
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
		stream, err := js.Stream(ctx, "KV_"+name)
		if err != nil {
			return s, fmt.Errorf("cannot count ledger %s: %w", name, err)
		}
		s.Ledgers[name] = stream.CachedInfo().State.Msgs
	}
	dead, err := js.Stream(ctx, topology.DeadLetters)
	if err != nil {
		return s, fmt.Errorf("cannot count the dead letters: %w", err)
	}
	s.Letters = dead.CachedInfo().State.Msgs
	return s, nil
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

// Replicas asks every replica of every service for its status, and returns the
// answers that come within a moment.
func Replicas(ctx context.Context, nc *nats.Conn) ([]service.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	inbox := nc.NewInbox()
	answers, err := nc.SubscribeSync(inbox)
	if err != nil {
		return nil, fmt.Errorf("cannot ask the replicas: %w", err)
	}
	defer func() { _ = answers.Unsubscribe() }() // fails only on a closed connection
	for _, name := range []string{topology.Requestor, topology.Generator} {
		if err := nc.PublishRequest(service.StatusSubject(name), inbox, nil); err != nil {
			return nil, fmt.Errorf("cannot ask the replicas: %w", err)
		}
	}
	var replicas []service.Status
	for {
		m, err := answers.NextMsgWithContext(ctx)
		if err != nil {
			return replicas, nil // time is up
		}
		var s service.Status
		if json.Unmarshal(m.Data, &s) == nil && s.Service != "" { // the broker's "no responders" has no body
			replicas = append(replicas, s)
		}
	}
}
