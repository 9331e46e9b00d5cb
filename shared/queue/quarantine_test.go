package queue_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

// Other batches go on while a message is handled in isolation: handlers may wait
// for each other.
func TestQuarantine_HandlesOneMessageAtATimeBesideOtherBatches(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	q := f.requests()
	isolated := map[string]bool{}
	for _, r := range f.publish(q, 10) {
		isolated[r.ID] = true
	}
	f.suspicious(topology.Requests, topology.Generator)
	f.publish(q, 500)

	var inside, overlaps, alone, beside atomic.Int64
	h := newHandled()
	f.consume(q, func(ctx context.Context, batch []queue.Message[request]) error {
		if !isolated[batch[0].Body.ID] {
			if inside.Load() > 0 {
				beside.Add(int64(len(batch)))
			}
			return h.handle(ctx, batch)
		}
		if len(batch) != 1 {
			return errors.New("not alone: " + ids(batch))
		}
		if inside.Add(1) > 1 {
			overlaps.Add(1)
		}
		defer inside.Add(-1)
		if alone.Add(1) == 1 {
			f.eventually(func() bool { return beside.Load() > 0 }, "no other batch goes on")
		}
		<-time.After(10 * time.Millisecond) // another one would begin now if it could
		return h.handle(ctx, batch)
	})
	f.drained()
	require.EqualValues(t, 10, alone.Load())
	require.Equal(t, 510, h.count())
	require.Zero(t, overlaps.Load())
	require.Empty(t, f.letters(), "a delivery count is no proof")
	f.eventually(func() bool { return len(f.records()) == 0 }, "records are left")
}

// Hand-backs, outages and deaths of neighbours raise the delivery count.
func TestQuarantine_CountsFailuresNotDeliveries(t *testing.T) {
	t.Parallel()
	for _, deliveries := range []int{1, 4, 20} {
		f := start(t, topology.Settings{AckWait: never})
		f.publish(f.requests(), 3)
		f.deliver(topology.Requests, topology.Generator, deliveries)
		var failures atomic.Int64
		fails := queue.Each(func(_ context.Context, m queue.Message[request]) error {
			if m.Attempt < 5 {
				failures.Add(1)
				return errors.New("not yet")
			}
			return nil
		})
		// The count holds over replicas and restarts.
		for range 4 {
			before := failures.Load()
			c := f.consume(f.requests(), fails)
			f.eventually(func() bool { return failures.Load() > before || f.left() == 0 }, "nothing is tried")
			c.stop()
		}
		f.consume(f.requests(), fails)
		f.drained()
		require.Empty(t, f.letters(), "%d hand-backs", deliveries)
		require.EqualValues(t, 3*4, failures.Load())
	}
}

func TestQuarantine_DeadLettersAMessageThatFailsInIsolation(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	q := f.requests()
	f.publish(q, 1)
	f.suspicious(topology.Requests, topology.Generator)
	var attempts []int
	f.consume(q, func(_ context.Context, batch []queue.Message[request]) error {
		attempts = append(attempts, batch[0].Attempt)
		return errors.New("no")
	})
	f.drained()
	require.Equal(t, []int{1, 2, 3, 4, 5}, attempts)
	require.Len(t, f.letters(), 1)
	require.Equal(t, "no", f.letters()[0].Header.Get(queue.DeadLetterReason))
	require.Equal(t, "8", f.letters()[0].Header.Get(queue.DeadLetterDeliveries))
	f.eventually(func() bool { return len(f.records()) == 0 }, "the record is left")
}

// A process whose connection is gone can report no more than one that is dead.
func TestQuarantine_CountsAWorkerThatDiesAsAFailure(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: 500 * time.Millisecond})
	values := f.publish(f.requests(), 1)
	f.suspicious(topology.Requests, topology.Generator)
	for deaths := 1; deaths <= 5; deaths++ {
		dying := f.connect()
		dead := f.consume(f.requestsOver(dying, patience), func(context.Context, []queue.Message[request]) error {
			dying.Close()
			return nil
		})
		dead.returned()
		require.Error(t, dead.err)
		require.Equal(t, 1, f.running())
		for _, a := range f.records() {
			require.Equal(t, deaths-1, a.Failures)
		}
	}

	h := newHandled()
	f.consume(f.requests(), h.handle)
	f.drained()
	require.Zero(t, h.of(values[0]))
	require.Len(t, f.letters(), 1)
	require.Contains(t, f.letters()[0].Header.Get(queue.DeadLetterReason), "its worker process died")
	f.eventually(func() bool { return len(f.records()) == 0 }, "the record is left")
}

// One death is no reason to condemn a message: the process may have been killed
// from outside.
func TestQuarantine_OneDeathMakesNoDeadLetter(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: 500 * time.Millisecond})
	values := f.publish(f.requests(), 5)
	f.suspicious(topology.Requests, topology.Generator)
	dying := f.connect()
	dead := f.consume(f.requestsOver(dying, patience), func(context.Context, []queue.Message[request]) error {
		dying.Close()
		return nil
	})
	dead.returned()

	h := newHandled()
	f.consume(f.requests(), h.handle)
	f.drained()
	h.requireEachOnce(t, values)
	require.Empty(t, f.letters())
}

func TestQuarantine_AnAttemptInterruptedByAShutdownDoesNotCount(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	q := f.requestsOver(f.connect(), 2*time.Second)
	values := f.publish(q, 3)
	f.suspicious(topology.Requests, topology.Generator)
	begun := make(chan struct{}, 3)
	c := f.consume(q, func(ctx context.Context, _ []queue.Message[request]) error {
		begun <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	receive(t, begun, "the attempt did not begin")
	require.Equal(t, 1, f.running())
	c.stop()
	require.Zero(t, f.running())
	for _, a := range f.records() {
		require.Zero(t, a.Failures)
	}

	h := newHandled()
	f.consume(f.requests(), h.handle)
	f.drained()
	h.requireEachOnce(t, values)
	require.Empty(t, f.letters())
}

// REQUESTS' handler, in isolation, waits for room in RESPONSES, which only
// RESPONSES' handler can make, in the same process and in isolation too.
func TestQuarantine_OfOneQueueDoesNotBlockThatOfAnother(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never, MaxBytes: 128 << 10})
	client := f.client(f.connect(), patience)
	requests := queue.New(client, quickConfig(), contract.Requests)
	responses := f.responsesOf(client)
	f.publish(requests, 1)
	f.suspicious(topology.Requests, topology.Generator)
	for range 6 {
		require.NoError(t, responses.Publish(t.Context(), newResponse()))
	}
	f.suspicious(topology.Responses, topology.Requestor)
	f.fill(responses)

	begun := make(chan struct{}, 1)
	f.consume(requests, func(ctx context.Context, _ []queue.Message[request]) error {
		begun <- struct{}{}
		return responses.Publish(ctx, newResponse())
	})
	receive(t, begun, "the request did not come")
	consume(f, responses, func(context.Context, []queue.Message[contract.Response]) error { return nil })
	f.drained()
	f.eventually(func() bool { return f.stream(topology.Responses).State.Msgs == 0 }, "responses are left")
	require.Empty(t, f.letters())
}

func TestQuarantine_WaitsForItsRecords(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	q := f.requests()
	bucket := f.stream("KV_" + topology.Attempts).Config
	require.NoError(t, f.js.DeleteStream(t.Context(), bucket.Name))
	isolated := f.publish(q, 1)
	f.suspicious(topology.Requests, topology.Generator)
	h := newHandled()
	f.consume(q, h.handle)
	f.eventually(func() bool { return f.logs.lines("cannot read attempt records yet", "run setup") > 0 }, "the log does not say what to do")
	f.publish(q, 1)
	f.eventually(func() bool { return h.count() == 1 }, "others must go on")
	require.Zero(t, h.of(isolated[0]))

	_, err := f.js.CreateStream(t.Context(), bucket)
	require.NoError(t, err)
	f.drained()
	require.Equal(t, 1, h.of(isolated[0]))
}
