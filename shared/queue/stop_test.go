package queue_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

// soon bounds what must not wait for anything: far less than any of the waits
// of the package, and far more than a slow machine needs.
const soon = 5 * time.Second

// A message that was delivered, neither handled nor handed back, would stay where
// it is for ever, as nobody waits for the end of the acknowledgement wait here.
func TestStopsUnderLoadStrandNothing(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	publisher := f.requests()
	var values []request
	ctx, enough := context.WithCancel(t.Context())
	var load errgroup.Group
	load.Go(func() error {
		for ctx.Err() == nil {
			if f.left() > 2000 {
				<-time.After(often)
				continue
			}
			more := newRequests(500)
			values = append(values, more...)
			if err := publisher.Publish(t.Context(), more...); err != nil {
				return err
			}
		}
		return nil
	})
	h := newHandled()
	handedBack := int64(0)
	for i := range 30 {
		reached := make(chan struct{}, 1<<16)
		q := f.requests()
		c := f.consume(q, func(ctx context.Context, batch []queue.Message[request]) error {
			reached <- struct{}{}
			return h.handle(ctx, batch)
		})
		for range 1 + i%5 { // stop at another moment each time
			receive(t, reached, "nothing is handled")
		}
		c.stop()
		handedBack += q.Counts().Returned
	}
	enough()
	require.NoError(t, load.Wait())
	t.Log(f.left(), "of", len(values), "are left,", handedBack, "were handed back")

	f.consume(f.requests(), h.handle)
	f.drained()
	h.requireEachOnce(t, values)
	f.eventually(func() bool { return f.consumer().NumAckPending == 0 }, "messages are stranded")
}

func TestStop_FinishesTheBatchAndAsksForNoMore(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	q := f.requests()
	begun, finish := make(chan struct{}, 2), make(chan struct{})
	c := f.consume(q, func(ctx context.Context, _ []queue.Message[request]) error {
		begun <- struct{}{}
		<-finish
		return ctx.Err()
	})
	release := sync.OnceFunc(func() { close(finish) })
	t.Cleanup(release)
	f.publish(q, 10)
	receive(t, begun, "the first loop handles nothing")
	receive(t, begun, "the second loop handles nothing")
	asked := f.tap("$JS.API.CONSUMER.MSG.NEXT.>")
	c.cancel()
	release()
	c.stop()
	require.NoError(t, asked.conn.Flush())
	require.Empty(t, asked.sent(""))
	require.Equal(t, queue.Counts{Published: 10, Acknowledged: 2}, q.Counts())
	f.eventually(func() bool { return f.left() == 8 && f.consumer().NumAckPending == 0 }, "the acknowledgements are missing")
}

func TestStop_ReturnsUnfinishedMessagesAtTheTimeout(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	conn := f.connect()
	q := f.requestsOver(conn, 2*time.Second)
	values := f.publish(q, 100)
	begun := make(chan struct{}, 100)
	var calls atomic.Int64
	c := f.consume(q, func(ctx context.Context, batch []queue.Message[request]) error {
		if calls.Add(1) <= 2 && len(batch) == 1 {
			return nil // it is a fast one, and gets more than one message
		}
		begun <- struct{}{}
		<-ctx.Done() // as Publish and Keep do
		return ctx.Err()
	})
	receive(t, begun, "nothing is handled")
	c.stop()
	require.Zero(t, q.Counts().Failed, "it is not the messages' fault")
	require.Positive(t, q.Counts().Returned)

	h := newHandled()
	f.consume(f.requests(), h.handle)
	f.drained()
	require.Equal(t, len(values), h.count()+int(q.Counts().Acknowledged))
	require.Empty(t, f.letters())
}

func TestStopIsPrompt(t *testing.T) {
	t.Parallel()
	stopsSoon := func(t *testing.T, c *consumption) {
		t.Helper()
		c.cancel()
		select {
		case <-c.done:
			require.NoError(t, c.err)
		case <-time.After(soon):
			require.Fail(t, "Consume goes on")
		}
	}
	t.Run("when idle", func(t *testing.T) {
		t.Parallel()
		f := start(t, topology.Settings{})
		c := f.consume(f.requests(), newHandled().handle)
		f.eventually(func() bool { return f.consumer().NumWaiting == 2 }, "nothing is asked for")
		stopsSoon(t, c)
	})
	t.Run("while the broker is away", func(t *testing.T) {
		t.Parallel()
		f := start(t, topology.Settings{})
		conn := f.connect()
		c := f.consume(f.requestsOver(conn, patience), newHandled().handle)
		f.eventually(func() bool { return f.consumer().NumWaiting == 2 }, "nothing is asked for")
		f.broker.Stop()
		f.eventually(func() bool { return !conn.IsConnected() }, "the connection is not lost")
		stopsSoon(t, c)
	})
	t.Run("before the broker was ever there", func(t *testing.T) {
		t.Parallel()
		f := &fixture{TB: t, url: "nats://127.0.0.1:1", logs: &logs{}}
		stopsSoon(t, f.consume(f.requests(), newHandled().handle))
	})
	t.Run("before setup", func(t *testing.T) {
		t.Parallel()
		f := startEmpty(t)
		c := f.consume(f.requests(), newHandled().handle)
		f.eventually(func() bool { return f.logs.lines("run setup") > 0 }, "the log does not say what to do")
		stopsSoon(t, c)
	})
}

func TestClosedConnectionEndsConsume(t *testing.T) {
	t.Parallel()
	closed := func(t *testing.T, c *consumption) {
		t.Helper()
		c.returned()
		require.ErrorIs(t, c.err, nats.ErrConnectionClosed)
		require.ErrorContains(t, c.err, "cannot consume REQUESTS")
	}
	t.Run("before", func(t *testing.T) {
		t.Parallel()
		f := start(t, topology.Settings{})
		conn := f.connect()
		q := f.requestsOver(conn, patience)
		conn.Close()
		closed(t, f.consume(q, newHandled().handle))
	})
	t.Run("when idle", func(t *testing.T) {
		t.Parallel()
		f := start(t, topology.Settings{})
		conn := f.connect()
		c := f.consume(f.requestsOver(conn, patience), newHandled().handle)
		f.eventually(func() bool { return f.consumer().NumWaiting == 2 }, "nothing is asked for")
		conn.Close()
		closed(t, c)
	})
	t.Run("in a handler", func(t *testing.T) {
		t.Parallel()
		f := start(t, topology.Settings{})
		conn := f.connect()
		q := f.requestsOver(conn, patience)
		f.publish(q, 1)
		closed(t, f.consume(q, func(ctx context.Context, batch []queue.Message[request]) error {
			conn.Close()
			return q.Publish(ctx, batch[0].Body)
		}))
	})
}

func TestConsumeMayBeginAgain(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	q := queue.New(f.client(f.connect(), patience), quickConfig(), contract.Requests)
	for range 5 {
		h := newHandled()
		c := f.consume(q, h.handle)
		values := f.publish(q, 100)
		f.drained()
		c.stop()
		h.requireEachOnce(t, values)
	}
}
