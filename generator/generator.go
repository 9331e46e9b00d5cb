package generator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

// Generator answers requests and takes note of receipts. Any number of replicas
// may run.
type Generator struct {
	queues    topology.Queues
	generated ledger.Ledger
	received  ledger.Ledger
	maker     Maker
}

// New returns a generator that works on the topology with maker.
func New(t *topology.Topology, maker Maker) *Generator {
	return &Generator{
		queues:    t.Queues,
		generated: t.Ledger(topology.Generated),
		received:  t.Ledger(topology.Received),
		maker:     maker,
	}
}

// Run works until ctx ends; then it finishes what it has in hand and returns
// nil. An error means that the connection was closed under it.
func (g *Generator) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return g.queues.Requests.Consume(ctx, g.answer) })
	group.Go(func() error { return g.queues.Receipts.Consume(ctx, g.markReceived) })
	return group.Wait()
}

// answer makes a string for each request. What was kept before wins, so that a
// request that comes again gets the very same string.
func (g *Generator) answer(ctx context.Context, requests []queue.Message[contract.Request]) error {
	entries := make([]ledger.Entry, len(requests))
	responses := make([]contract.Response, len(requests))
	for i, request := range requests {
		text, err := g.maker(ctx, request.Body)
		if err != nil {
			return fmt.Errorf("cannot make a string: %w", err)
		}
		responses[i] = contract.NewResponse(request.Body.ID, text, time.Now())
		value, err := json.Marshal(&responses[i])
		if err != nil {
			return fmt.Errorf("cannot encode the response to %s: %w", request.Body.ID, err)
		}
		entries[i] = ledger.Entry{ID: request.Body.ID, Value: value}
	}
	kept, err := g.generated.Keep(ctx, entries...)
	if err != nil {
		return err
	}
	for i, entry := range kept {
		if bytes.Equal(entry.Value, entries[i].Value) { // ours is what is kept
			continue
		}
		responses[i] = contract.Response{}
		if err := json.Unmarshal(entry.Value, &responses[i]); err != nil {
			return fmt.Errorf("cannot read what was kept for %s: %w", entry.ID, err)
		}
	}
	return g.queues.Responses.Publish(ctx, responses...)
}

// markReceived ends a request's way.
func (g *Generator) markReceived(ctx context.Context, receipts []queue.Message[contract.Receipt]) error {
	entries := make([]ledger.Entry, len(receipts))
	for i, receipt := range receipts {
		value, err := json.Marshal(receipt.Body)
		if err != nil {
			return fmt.Errorf("cannot encode the receipt of %s: %w", receipt.Body.ID, err)
		}
		entries[i] = ledger.Entry{ID: receipt.Body.ID, Value: value}
	}
	_, err := g.received.Keep(ctx, entries...)
	return err
}

// Counts are what this replica has done since it started.
func (g *Generator) Counts() map[string]int64 {
	requests, receipts, responses := g.queues.Requests.Counts(), g.queues.Receipts.Counts(), g.queues.Responses.Counts()
	return map[string]int64{
		"answered":      requests.Acknowledged,
		"published":     responses.Published,
		"received":      receipts.Acknowledged,
		"redelivered":   requests.Redelivered + receipts.Redelivered,
		"dead_lettered": requests.DeadLettered + receipts.DeadLettered,

		service.CountInHand: requests.InHand + receipts.InHand,
	}
}
