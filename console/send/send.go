// Package send asks for strings as the requestor does, and publishes malformed and
// repeated messages that the services must handle.
package send

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/time/rate"

	"decoupled.example/console/internal/ask"
	"decoupled.example/requestor"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

// maxBurst is how many requests are asked at once at most.
const maxBurst = 1000

// Requests asks n times, at most perSecond a second (0: as fast as it goes), with
// the requestor's own code: they are recorded in its ledger. Each burst is given
// to sent, which may be nil, once it is confirmed; an error of sent ends it.
func Requests(ctx context.Context, t *topology.Topology, n int, perSecond float64, sent func([]contract.Request) error) error {
	asker := requestor.NewAsker(t)
	limit, burst := rate.Inf, maxBurst
	if perSecond > 0 {
		limit, burst = rate.Limit(perSecond), min(maxBurst, max(1, int(perSecond/10)))
	}
	limiter := rate.NewLimiter(limit, burst)
	for done := 0; done < n; {
		size := min(burst, n-done)
		if err := limiter.WaitN(ctx, size); err != nil {
			return fmt.Errorf("cannot send all: %d of %d are confirmed: %w", done, n, err)
		}
		asked, err := asker.Ask(ctx, size)
		done += len(asked)
		if sent != nil && len(asked) > 0 {
			err = errors.Join(err, sent(asked))
		}
		if err != nil {
			return fmt.Errorf("cannot send all: %d of %d are confirmed: %w", done, n, err)
		}
	}
	return nil
}

// Repeat publishes requests again, as a publisher does that missed the broker's
// confirmation.
func Repeat(ctx context.Context, t *topology.Topology, requests []contract.Request) error {
	return t.Requests.Publish(ctx, requests...)
}

// Malformed publishes a message that no version of the contract allows.
func Malformed(ctx context.Context, js jetstream.JetStream) error {
	return publish(ctx, js, contract.SchemaRequest, []byte(`{"id": "not an ID", "requested_at": `))
}

// FutureVersion publishes a request of a version that no replica knows yet.
func FutureVersion(ctx context.Context, js jetstream.JetStream) error {
	_, body, err := contract.Requests.Encode(contract.NewRequest(time.Now()))
	if err != nil {
		return err
	}
	return publish(ctx, js, "decoupled.request.v99", body)
}

func publish(ctx context.Context, js jetstream.JetStream, schema string, body []byte) error {
	m := &nats.Msg{Subject: topology.SubjectRequest, Data: body, Header: nats.Header{
		contract.HeaderContentType: {contract.ContentType},
		contract.HeaderSchema:      {schema},
		jetstream.MsgIDHeader:      {contract.NewID()}, // the same at each attempt, so that the queue stores one
	}}
	if err := ask.Publish(ctx, js, topology.Requests, m); err != nil {
		return fmt.Errorf("cannot publish to %s: %w", topology.SubjectRequest, err)
	}
	return nil
}
