package queue_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

func TestEverythingIsHandledOnceAndAcknowledged(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	a, b := f.requests(), f.requests()
	h := newHandled()
	f.consume(a, h.handle)
	f.consume(b, h.handle)
	var values []request
	for range 30 {
		values = append(values, f.publish(a, 1000)...)
	}

	f.drained()
	h.requireEachOnce(t, values)
	ca, cb := a.Counts(), b.Counts()
	require.EqualValues(t, len(values), ca.Acknowledged+cb.Acknowledged)
	require.Zero(t, ca.Redelivered+cb.Redelivered, "deliveries without cause")
	require.Equal(t, queue.Counts{Published: int64(len(values)), Acknowledged: ca.Acknowledged}, ca)
	require.Equal(t, queue.Counts{Acknowledged: cb.Acknowledged}, cb)
	f.eventually(func() bool { return f.consumer().NumAckPending == 0 }, "acknowledgements are missing")
	require.Empty(t, f.letters())
}

func TestHandlerSeesTheMessageAndItsOrigin(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	q := f.requests()
	seen := make(chan queue.Message[request], 1)
	f.consume(q, func(_ context.Context, batch []queue.Message[request]) error {
		seen <- batch[0]
		return nil
	})
	before := time.Now()
	value := f.publish(q, 1)[0]

	m := receive(t, seen, "the message did not come")
	require.Equal(t, value.ID, m.Body.ID)
	require.Equal(t, 1, m.Deliveries)
	require.WithinRange(t, m.Published, before, time.Now())
	require.Equal(t, 1, m.Attempt)
	require.Empty(t, m.Header)
}

// The handler says on the wire that it is about to return; the broker hears
// what it and the queue say in the order in which they say it.
func TestNothingIsAcknowledgedBeforeTheHandlerReturned(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: time.Second})
	conn := f.connect()
	q := f.requestsOver(conn, patience)
	wire := f.tap("$JS.ACK.>", "returning")
	const n = 300
	var returning atomic.Int64
	f.publish(q, n)
	f.consume(q, func(_ context.Context, batch []queue.Message[request]) error {
		for range batch {
			if err := conn.Publish("returning", []byte("returning")); err != nil {
				return err
			}
		}
		returning.Add(int64(len(batch)))
		return nil
	})
	f.drained()
	f.eventually(func() bool { return len(wire.sent("+ACK")) == n }, "acknowledgements are missing")

	require.EqualValues(t, n, returning.Load())
	open := 0
	for _, m := range wire.sent("") {
		switch string(m.Data) {
		case "returning":
			open++
		case "+ACK":
			open--
		}
		require.GreaterOrEqual(t, open, 0, "acknowledged before its handler returned")
	}
}

func TestNothingIsAcknowledgedWhileTheHandlerWorks(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	q := f.requests()
	begun, finish := make(chan struct{}, 2), make(chan struct{})
	f.consume(q, func(context.Context, []queue.Message[request]) error {
		begun <- struct{}{}
		<-finish
		return nil
	})
	release := sync.OnceFunc(func() { close(finish) })
	t.Cleanup(release)
	f.publish(q, 2)
	receive(t, begun, "the handler was not called")
	receive(t, begun, "there is one loop only")
	require.Equal(t, 2, f.left())
	require.Equal(t, 2, f.consumer().NumAckPending)
	release()
	f.drained()
}

func TestWhatIsWaitingAloneIsABatchOfOne(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	q := f.requests()
	h := newHandled()
	f.consume(q, h.handle)
	for n := 1; n <= 20; n++ {
		f.publish(q, 1)
		f.eventually(func() bool { return h.count() == n }, "the message did not come")
	}
	require.Equal(t, slices.Repeat([]int{1}, 20), h.sizes())
}

func TestBatchesOfAFastHandlerGrowWithTheBacklog(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	q := f.requests()
	for range 20 {
		f.publish(q, 1000)
	}
	h := newHandled()
	f.consume(q, h.handle)
	f.drained()
	require.Equal(t, 1, h.sizes()[0], "as long as nothing is known of the handler")
	require.Greater(t, slices.Max(h.sizes()), 500)
	require.LessOrEqual(t, slices.Max(h.sizes()), 1000)
}

func TestBatchesOfASlowHandlerStaySmall(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	q := f.requests()
	f.publish(q, 100)
	h := newHandled()
	const each = 20 * time.Millisecond
	f.consume(q, func(ctx context.Context, batch []queue.Message[request]) error {
		<-time.After(each * time.Duration(len(batch)))
		return h.handle(ctx, batch)
	})
	f.drained()
	// A sixteenth of what is waiting: less than what a quarter of a second is
	// enough for.
	require.LessOrEqual(t, slices.Max(h.sizes()), 100/16)
}

// A batch is bounded by its size as well. The broker would cut the connection of
// a client that asks for more than it can receive in time, again and again.
func TestLargeMessagesComeInSmallBatches(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	conn := f.connect()
	q := queue.New(f.client(conn, patience), quickConfig(), notes{})
	const n, size = 600, 100 << 10
	for i := range n {
		require.NoError(t, q.Publish(t.Context(), note{ID: strconv.Itoa(i), Text: strings.Repeat("x", size)}))
	}
	var tooLarge, handled atomic.Int64
	consume(f, q, func(_ context.Context, batch []queue.Message[note]) error {
		if len(batch)*size > 8<<20 {
			tooLarge.Add(1)
		}
		handled.Add(int64(len(batch)))
		return nil
	})
	f.drained()
	require.Zero(t, tooLarge.Load())
	require.Zero(t, conn.Stats().Reconnects)
	require.Equal(t, queue.Counts{Published: n, Acknowledged: n}, q.Counts())
	require.EqualValues(t, n, handled.Load())
}
