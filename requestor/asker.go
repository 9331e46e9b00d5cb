package requestor

import (
	"context"
	"time"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

// maxAsk is how many requests are published at once.
const maxAsk = 1000

// Asker publishes requests and records them as asked. It may be used
// concurrently.
type Asker struct {
	requests *queue.Queue[contract.Request]
	asked    ledger.Typed[contract.Request]
}

// NewAsker returns an Asker on the topology.
func NewAsker(t *topology.Topology) *Asker {
	return &Asker{requests: t.Requests, asked: ledger.Of(t.Ledger(topology.Asked), topology.Asked, contract.Requests)}
}

// Ask publishes n requests and returns them when the broker has confirmed that
// it stores them and that they are asked. When it fails, it returns those that are
// confirmed; up to 1000 more may be stored.
//
// A request is recorded only after it was published. A requestor that is killed in
// between leaves a request that is answered although it is not recorded as asked.
// That is harmless, and verification calls it recovered. In the other order it would
// be lost.
func (a *Asker) Ask(ctx context.Context, n int) ([]contract.Request, error) {
	asked := make([]contract.Request, 0, n)
	for len(asked) < n {
		requests := make([]contract.Request, min(n-len(asked), maxAsk))
		for i := range requests {
			requests[i] = contract.NewRequest(time.Now())
		}
		if err := a.requests.Publish(ctx, requests...); err != nil {
			return asked, err
		}
		_, mismatched, err := a.asked.PutIfAbsent(ctx, requests...)
		if err != nil {
			return asked, err
		}
		for _, err := range mismatched { // another writer was first
			return asked, err
		}
		asked = append(asked, requests...)
	}
	return asked, nil
}
