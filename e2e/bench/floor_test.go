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
	"golang.org/x/time/rate"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

const (
	floorBatch = 1000 // as large as the services' largest
	bodySize   = 100  // of a message
	idSize     = 36   // of the ID that its body begins with
)

// floor is the bare loop: three publishes with confirmation and three
// acknowledgements a round trip, in batches, by raw requests. No encoding, no
// validation, nothing that can fail is handled: what is left is what the broker
// and the client library cost.
type floor struct {
	b  *testing.B
	nc *nats.Conn
	// recorded adds what "nothing lost, nothing twice" stands on: an ID in the body of
	// each message, and an entry under it in each of the four ledgers.
	recorded bool
	rate     float64 // round trips a second; 0 is as fast as it goes
}

// run passes n messages through the three queues and returns when all are
// acknowledged, or ctx ends.
func (f *floor) run(ctx context.Context, n int) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	done := make(chan int, 16)
	for range 2 { // as many loops as a queue of a service has
		for _, step := range []struct{ queue, consumer, ledger, next string }{
			{topology.Requests, topology.Generator, topology.Generated, topology.SubjectResponse},
			{topology.Responses, topology.Requestor, topology.Stored, topology.SubjectReceipt},
			{topology.Receipts, topology.Generator, topology.Received, ""},
		} {
			wg.Go(func() {
				for ctx.Err() == nil {
					batch := f.pull(ctx, step.queue, step.consumer)
					f.record(step.ledger, batch)
					if step.next != "" {
						f.send(step.next, batch)
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
		limiter := f.limiter()
		for left := n; left > 0 && limiter.Wait(ctx) == nil; {
			size := 1
			for size < min(left, floorBatch) && limiter.Allow() {
				size++
			}
			left -= size
			batch := make([]*nats.Msg, size)
			for i := range batch {
				batch[i] = &nats.Msg{Data: make([]byte, bodySize)}
				if f.recorded {
					copy(batch[i].Data, contract.NewID())
				}
			}
			f.send(topology.SubjectRequest, batch)
			f.record(topology.Asked, batch)
		}
	})
	for left := n; left > 0 && ctx.Err() == nil; {
		select {
		case size := <-done:
			left -= size
		case <-ctx.Done():
		}
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

// limiter paces the requests as the requestor does.
func (f *floor) limiter() *rate.Limiter {
	if f.rate == 0 {
		return rate.NewLimiter(rate.Inf, 1)
	}
	burst := max(1, int(f.rate/10))
	limiter := rate.NewLimiter(rate.Limit(f.rate), burst)
	limiter.AllowN(time.Now(), burst-1)
	return limiter
}

// send passes a batch on to the next queue.
func (f *floor) send(subject string, batch []*nats.Msg) {
	messages := make([]*nats.Msg, len(batch))
	for i, m := range batch {
		messages[i] = &nats.Msg{Subject: subject, Data: m.Data}
	}
	f.publish(messages)
}

// record writes the batch into a ledger.
func (f *floor) record(ledger string, batch []*nats.Msg) {
	if !f.recorded {
		return
	}
	entries := make([]*nats.Msg, len(batch))
	for i, m := range batch {
		entries[i] = &nats.Msg{Subject: "$KV." + ledger + "." + string(m.Data[:idSize]), Data: m.Data}
	}
	f.publish(entries)
}

// publish sends messages and waits until each is confirmed.
func (f *floor) publish(messages []*nats.Msg) {
	inbox := f.nc.NewInbox()
	acks := make(chan *nats.Msg, len(messages))
	sub, err := f.nc.ChanSubscribe(inbox, acks)
	require.NoError(f.b, err)
	for _, m := range messages {
		m.Reply = inbox
		require.NoError(f.b, f.nc.PublishMsg(m))
	}
	for range messages {
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
