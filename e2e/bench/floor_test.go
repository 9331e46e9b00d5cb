package bench

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/topology"
)

// floorBatch is as large as the services' largest.
const floorBatch = 1000

// floor is the bare loop: three publishes with confirmation and three
// acknowledgements a round trip, in batches, by raw requests. No encoding, no
// store, no validation, nothing that can fail is handled: what is left is what
// the broker and the client library cost.
type floor struct {
	b  *testing.B
	nc *nats.Conn
}

// run passes n messages through the three queues and returns when all are
// acknowledged.
func (f *floor) run(ctx context.Context, n int) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	done := make(chan int, 16)
	for range 2 { // as many loops as a queue of a service has
		for _, step := range []struct{ queue, consumer, next string }{
			{topology.Requests, topology.Generator, topology.SubjectResponse},
			{topology.Responses, topology.Requestor, topology.SubjectReceipt},
			{topology.Receipts, topology.Generator, ""},
		} {
			wg.Go(func() {
				for ctx.Err() == nil {
					batch := f.pull(ctx, step.queue, step.consumer)
					if step.next != "" {
						f.publish(step.next, len(batch))
					}
					for _, m := range batch {
						require.NoError(f.b, f.nc.Publish(m.Reply, []byte("+ACK")))
					}
					if step.next == "" {
						done <- len(batch)
					}
				}
			})
		}
	}
	wg.Go(func() {
		for left := n; left > 0; left -= floorBatch {
			f.publish(topology.SubjectRequest, min(left, floorBatch))
		}
	})
	for left := n; left > 0; {
		left -= <-done
	}
	cancel()
	go func() { // whoever has a last one in hand
		for range done {
		}
	}()
	wg.Wait()
	close(done)
	require.NoError(f.b, f.nc.Flush())
}

// publish sends n messages and waits until each is confirmed.
func (f *floor) publish(subject string, n int) {
	inbox := f.nc.NewInbox()
	acks := make(chan *nats.Msg, n)
	sub, err := f.nc.ChanSubscribe(inbox, acks)
	require.NoError(f.b, err)
	body := make([]byte, 100)
	for range n {
		require.NoError(f.b, f.nc.PublishRequest(subject, inbox, body))
	}
	for range n {
		ack := <-acks
		require.True(f.b, strings.HasPrefix(string(ack.Data), `{"stream":`), string(ack.Data))
	}
	require.NoError(f.b, sub.Unsubscribe())
}

// pull returns what is there, or waits for the first.
func (f *floor) pull(ctx context.Context, queue, consumer string) []*nats.Msg {
	inbox := f.nc.NewInbox()
	in := make(chan *nats.Msg, floorBatch+1)
	sub, err := f.nc.ChanSubscribe(inbox, in)
	require.NoError(f.b, err)
	defer func() { _ = sub.Unsubscribe() }()
	request := fmt.Sprintf(`{"batch":%d,"no_wait":true,"expires":%d}`, floorBatch, time.Minute)
	require.NoError(f.b, f.nc.PublishRequest("$JS.API.CONSUMER.MSG.NEXT."+queue+"."+consumer, inbox, []byte(request)))
	var batch []*nats.Msg
	for len(batch) < floorBatch {
		select {
		case m := <-in:
			if m.Reply == "" {
				if status, _ := strconv.Atoi(m.Header.Get("Status")); status >= 400 {
					return batch
				}
				continue
			}
			batch = append(batch, m)
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}
