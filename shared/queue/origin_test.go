package queue_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

// The broker matches an ack by the message's sequence alone. What was delivered
// before the queue was deleted and re-created must not settle, nor extend, what
// has that sequence now.
func TestConsume_AcksNothingOfAnEarlierConsumer(t *testing.T) {
	t.Parallel()
	recreated := map[string]func(f *fixture){
		"stream": func(f *fixture) { f.recreate(topology.Requests) },
		"consumer": func(f *fixture) {
			config := f.consumer().Config
			require.NoError(f, f.js.DeleteConsumer(f.Context(), topology.Requests, topology.Generator))
			_, err := f.js.CreateConsumer(f.Context(), topology.Requests, config)
			require.NoError(f, err)
		},
		"broker": func(f *fixture) { // with other data, while the client is disconnected
			f.broker.Stop()
			f.broker.Wipe()
			f.broker.Restart()
			f.setUp(topology.Settings{AckWait: never})
		},
	}
	results := map[string]func(context.Context) error{
		"ack":         func(context.Context) error { return nil },
		"nak":         func(context.Context) error { return errors.New("no") },
		"retry":       func(context.Context) error { return queue.Retry(errors.New("no")) },
		"dead-letter": func(context.Context) error { return queue.Reject(errors.New("no")) },
		"shut down":   func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	}
	for what, recreate := range recreated {
		for name, result := range results {
			t.Run(what+", "+name, func(t *testing.T) {
				t.Parallel()
				f := start(t, topology.Settings{AckWait: never})
				conn := f.connect()
				old := f.publish(f.requests(), 1)
				begun, finish := make(chan struct{}), make(chan struct{})
				config := quickConfig()
				config.Concurrency = 1
				q := queue.New(f.client(conn, time.Second), config, contract.Requests)
				c := f.consume(q, func(ctx context.Context, _ []queue.Message[request]) error {
					close(begun)
					<-finish
					return result(ctx)
				})
				release := sync.OnceFunc(func() { close(finish) })
				t.Cleanup(release)
				receive(t, begun, "nothing is handled")

				recreate(f)
				other := f.requests()
				fresh := f.publish(other, 1)[0]
				if what == "consumer" {
					// The old message is delivered again, with the same sequence.
					fresh = old[0]
				}
				took, done := make(chan struct{}, 9), make(chan struct{})
				f.consume(other, func(_ context.Context, batch []queue.Message[request]) error {
					if has(batch, fresh) {
						took <- struct{}{}
					}
					<-done
					return nil
				})
				t.Cleanup(sync.OnceFunc(func() { close(done) }))
				receive(t, took, "the new message is not delivered")
				wire := f.tap("$JS.ACK.>")
				c.cancel()
				release()
				c.returned()
				require.NoError(t, wire.conn.Flush())
				require.Empty(t, wire.sent(""), "settled")
				require.Positive(t, f.left(), "the new message is gone")
			})
		}
	}
}

// A reply that is given without a connection would wait in the client's buffer, and
// settle what has that sequence after the outage.
func TestConsume_AcksNothingWithoutAConnection(t *testing.T) {
	t.Parallel()
	for name, stops := range map[string]bool{"goes on": false, "shuts down": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, topology.Settings{AckWait: never})
			conn := f.connect(nats.ReconnectWait(time.Second)) // after the tap
			f.publish(f.requests(), 1)
			begun, finish := make(chan struct{}), make(chan struct{})
			release := sync.OnceFunc(func() { close(finish) })
			t.Cleanup(release)
			c := f.consume(f.requestsOver(conn, patience), func(context.Context, []queue.Message[request]) error {
				close(begun)
				<-finish
				return nil
			})
			receive(t, begun, "nothing is handled")
			wire := f.tap("$JS.ACK.>")
			f.broker.Stop()
			f.broker.Wipe()
			f.eventually(func() bool { return !conn.IsConnected() && !wire.conn.IsConnected() }, "the connection is not lost")
			release()
			if stops {
				c.stop() // without waiting for the broker
			}
			f.broker.Restart()
			f.eventually(wire.conn.IsConnected, "the tap does not reconnect")
			f.eventually(conn.IsConnected, "the client does not reconnect")
			require.NoError(t, conn.Flush())
			require.NoError(t, wire.conn.Flush())
			require.Empty(t, wire.sent(""), "settled")
		})
	}
}

// After a connection was lost, what was delivered before is settled as usual when
// the consumer is the same.
func TestConsume_AcksAfterAReconnect(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	q := f.requests()
	values := f.publish(q, 1)
	begun, finish := make(chan struct{}), make(chan struct{})
	h := newHandled()
	f.consume(q, func(ctx context.Context, batch []queue.Message[request]) error {
		if h.count() == 0 && len(batch) > 0 {
			select {
			case <-begun:
			default:
				close(begun)
			}
			<-finish
		}
		return h.handle(ctx, batch)
	})
	receive(t, begun, "nothing is handled")
	f.broker.Restart()
	close(finish)
	t.Cleanup(func() { t.Log(f.logs.String(), q.Counts()) })
	f.drained()
	h.requireEachOnce(t, values)
	require.Zero(t, f.logs.lines("deleted or re-created"))
}

// Without a loop that asks the broker whether the consumer is the same: all may be
// waiting for handlers.
func TestConsume_ExtendsDeadlinesAfterAReconnect(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: time.Second})
	config := quickConfig()
	config.Concurrency = 1
	conn := f.connect()
	q := queue.New(f.client(conn, patience), config, contract.Requests)
	f.publish(q, 1)
	begun, finish := make(chan struct{}, 9), make(chan struct{})
	release := sync.OnceFunc(func() { close(finish) })
	f.consume(q, func(context.Context, []queue.Message[request]) error {
		begun <- struct{}{}
		<-finish
		return nil
	})
	t.Cleanup(release)
	receive(t, begun, "nothing is handled")
	wire := f.tap("$JS.ACK.>")
	require.NoError(t, conn.ForceReconnect())
	f.eventually(func() bool { return len(wire.sent("+WPI")) > 3 }, "the deadline is not extended any more")
	release()
	f.drained()
	require.Zero(t, q.Counts().Redelivered)
}
