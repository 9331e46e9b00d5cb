package generator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
	generated ledger.Typed[contract.Response]
	received  ledger.Typed[contract.Receipt]
	maker     Maker
}

// New returns a generator that works on the topology with maker.
func New(t *topology.Topology, maker Maker) *Generator {
	return &Generator{
		queues:    t.Queues,
		generated: ledger.Of(t.Ledger(topology.Generated), topology.Generated, contract.Responses),
		received:  ledger.Of(t.Ledger(topology.Received), topology.Received, contract.Receipts),
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

// answer makes a string for each request. The one that was kept first wins, so a
// request that is delivered again gets the very same string.
func (g *Generator) answer(ctx context.Context, requests []queue.Message[contract.Request]) error {
	responses := make([]contract.Response, len(requests))
	for i, request := range requests {
		text, err := g.maker(ctx, request.Body)
		if err != nil {
			return fmt.Errorf("cannot make a string: %w", err)
		}
		responses[i] = contract.NewResponse(request.Body.ID, text, time.Now())
	}
	kept, mismatched, err := g.generated.Keep(ctx, responses...)
	if err != nil {
		return err
	}
	// An entry that is not the response to its request is published to nobody; the
	// other requests are answered.
	responses = responses[:0]
	for i, response := range kept {
		if mismatched[i] == nil {
			responses = append(responses, response)
		}
	}
	if err := g.queues.Responses.Publish(ctx, responses...); err != nil {
		return err
	}
	return errors.Join(slices.Collect(maps.Values(mismatched))...)
}

// markReceived ends a request's way.
func (g *Generator) markReceived(ctx context.Context, receipts []queue.Message[contract.Receipt]) error {
	values := make([]contract.Receipt, len(receipts))
	for i, receipt := range receipts {
		values[i] = receipt.Body
	}
	_, mismatched, err := g.received.Keep(ctx, values...)
	if err != nil {
		return err
	}
	return errors.Join(slices.Collect(maps.Values(mismatched))...)
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
