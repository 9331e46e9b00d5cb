package generator

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

// Generator answers requests and records receipts. Any number of replicas may run.
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

// Run works until ctx ends; then it finishes the work in progress and returns
// nil. An error means that the connection was closed under it.
func (g *Generator) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return g.queues.Requests.Consume(ctx, g.answer) })
	group.Go(func() error { return g.queues.Receipts.Consume(ctx, g.markReceived) })
	return group.Wait()
}

// answer makes a string for each request. The first one stored wins, so a
// redelivered request gets the same string. A request that fails
// does not prevent the others from being answered.
func (g *Generator) answer(ctx context.Context, requests []queue.Message[contract.Request]) error {
	failed := make(queue.BatchError)
	var (
		made    []contract.Response
		indexes []int // of their requests
	)
	for i, request := range requests {
		text, err := g.maker(ctx, request.Body)
		if err != nil {
			failed[i] = fmt.Errorf("cannot make a string: %w", err)
			continue
		}
		made, indexes = append(made, contract.NewResponse(request.Body.ID, text, time.Now())), append(indexes, i)
	}
	err := g.publish(ctx, made, indexes, failed)
	if len(failed) == 0 || err != nil && ctx.Err() != nil { // which of them took all the time is unknown
		return err
	}
	for _, i := range indexes {
		if err != nil && failed[i] == nil {
			failed[i] = err
		}
	}
	return failed
}

// publish stores the responses, and publishes what is stored. An entry that is not
// the response to its request is not published: its request has failed.
func (g *Generator) publish(ctx context.Context, made []contract.Response, indexes []int, failed queue.BatchError) error {
	kept, mismatched, err := g.generated.PutIfAbsent(ctx, made...)
	if err != nil {
		return err
	}
	responses := kept[:0]
	for i, response := range kept {
		if err := mismatched[i]; err != nil {
			failed[indexes[i]] = queue.Reject(err)
			continue
		}
		responses = append(responses, response)
	}
	return g.queues.Responses.Publish(ctx, responses...)
}

// markReceived records receipts, which finishes their requests.
func (g *Generator) markReceived(ctx context.Context, receipts []queue.Message[contract.Receipt]) error {
	values := make([]contract.Receipt, len(receipts))
	for i, receipt := range receipts {
		values[i] = receipt.Body
	}
	_, mismatched, err := g.received.PutIfAbsent(ctx, values...)
	if err != nil {
		return err
	}
	if mismatched == nil {
		return nil
	}
	failed := make(queue.BatchError)
	for i, err := range mismatched {
		failed[i] = queue.Reject(err)
	}
	return failed
}

// Counts are what this replica has done since it started.
func (g *Generator) Counts() map[string]int64 {
	requests, receipts, responses := g.queues.Requests.Counts(), g.queues.Receipts.Counts(), g.queues.Responses.Counts()
	return map[string]int64{
		"answered":      requests.Acknowledged,
		"published":     responses.Published,
		"received":      receipts.Acknowledged,
		"redelivered":   requests.Redelivered + receipts.Redelivered,
		"failed":        requests.Failed + receipts.Failed,
		"retried":       requests.Retried + receipts.Retried,
		"timed_out":     requests.TimedOut + receipts.TimedOut,
		"dead_lettered": requests.DeadLettered + receipts.DeadLettered,

		service.CountInFlight: requests.InFlight + receipts.InFlight,
	}
}
