package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"decoupled.example/console/internal/ask"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

const (
	// firstWithin is how long the first answer may take: a long way, or a busy
	// machine. Where no replica is alive the broker answers so at once.
	firstWithin = time.Second
	// nextWithin is how long after an answer the next one may come. How many
	// will come is unknown; live replicas answer together.
	nextWithin = 150 * time.Millisecond
	// lastWithin is the same where no replica may be missed.
	lastWithin = time.Second
)

// services are the services that are asked.
var services = []string{topology.Requestor, topology.Generator}

// Replicas asks every replica of every service for its status, and returns the answers that
// arrive within a moment. No answer is no error.
func Replicas(ctx context.Context, nc *nats.Conn) ([]service.Status, error) {
	return replicas(ctx, nc, nextWithin)
}

// AllReplicas is Replicas for callers that must not miss one: it waits longer for the next
// answer, even when all have answered.
func AllReplicas(ctx context.Context, nc *nats.Conn) ([]service.Status, error) {
	return replicas(ctx, nc, lastWithin)
}

func replicas(ctx context.Context, nc *nats.Conn, following time.Duration) (replicas []service.Status, err error) {
	err = ask.Patiently(ctx, nc, func(ctx context.Context) (err error) {
		replicas, err = answers(ctx, nc, firstWithin, following)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot ask the replicas: %w", err)
	}
	return replicas, nil
}

func answers(ctx context.Context, nc *nats.Conn, first, following time.Duration) (replicas []service.Status, err error) {
	before := nc.LastError()
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only on a closed connection
	for _, name := range services {
		if err := nc.PublishRequest(service.StatusSubject(name), inbox, nil); err != nil {
			return nil, err
		}
	}
	for within, absent := first, 0; absent < len(services); {
		m, err := next(ctx, sub, within)
		if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			break // all have answered
		}
		if errors.Is(err, nats.ErrNoResponders) { // nobody is there of one service
			absent++
			continue
		}
		if err != nil {
			return nil, err
		}
		within = following
		var s service.Status
		if json.Unmarshal(m.Data, &s) == nil && s.Service != "" {
			s.Problems = s.Problems[:min(len(s.Problems), service.MaxProblems)] // anyone may answer
			replicas = append(replicas, s)
		}
	}
	if !nc.IsConnected() {
		return nil, nats.ErrDisconnected
	}
	return replicas, ask.Denied(nc, before)
}

func next(ctx context.Context, answers *nats.Subscription, within time.Duration) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return answers.NextMsgWithContext(ctx)
}
