package queue_test

import (
	"context"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

// responsesOf is the queue behind that of requests, in the same process.
func (f *fixture) responsesOf(client *queue.Client) *queue.Queue[contract.Response] {
	config := quickConfig()
	config.Stream, config.Subject, config.Consumer = topology.Responses, topology.SubjectResponse, topology.Requestor
	config.DeadLetterSubject = topology.SubjectDead + "." + topology.Responses
	return queue.New(client, config, contract.Responses)
}

func newResponse() contract.Response {
	return contract.NewResponse(contract.NewID(), strings.Repeat("x", contract.StringLength), time.Now())
}

// fill publishes until the queue is full.
func (f *fixture) fill(q *queue.Queue[contract.Response]) {
	f.Helper()
	ctx, cancel := context.WithCancel(f.Context())
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_ = q.Publish(ctx, newResponse()) // fails when the queue is full and ctx ends
		}
	}()
	f.eventually(func() bool { return f.logs.lines("maximum bytes exceeded") > 0 }, "the queue did not fill up")
	cancel()
	<-done
	require.Positive(f, f.stream(q.Name()).State.Msgs)
}
