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

func TestSuspectsAreHandledAloneAndAcquitted(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	conn := f.connect()
	client := f.client(conn, patience)
	requests := queue.New(client, requestsConfig(), contract.Requests)
	responses := f.responsesOf(client)
	f.publish(requests, 10)
	f.suspicious(topology.Requests, topology.Generator)
	f.publish(requests, 500)
	for range 500 {
		require.NoError(t, responses.Publish(t.Context(), newResponse()))
	}

	// Whatever is handled while a suspect is, is an overlap.
	var handling, suspects, ordinary, overlaps atomic.Int64
	enter := func(suspect bool) (leave func()) {
		others := handling.Add(1) - 1
		if suspect && others > 0 {
			overlaps.Add(1)
		}
		return func() { handling.Add(-1) }
	}
	f.consume(requests, func(_ context.Context, batch []queue.Message[request]) error {
		suspect := batch[0].Deliveries > 5
		leave := enter(suspect)
		defer leave()
		if !suspect {
			ordinary.Add(int64(len(batch)))
			return nil
		}
		if len(batch) != 1 {
			return errors.New("not alone: " + ids(batch))
		}
		suspects.Add(1)
		<-time.After(20 * time.Millisecond) // the others would begin now if they could
		if handling.Load() != 1 {
			overlaps.Add(1)
		}
		return nil
	})
	consume(f, responses, func(_ context.Context, batch []queue.Message[contract.Response]) error {
		leave := enter(false)
		defer leave()
		<-time.After(time.Duration(len(batch)) * time.Millisecond)
		return nil
	})
	f.drained()
	f.eventually(func() bool { return f.stream(topology.Responses).State.Msgs == 0 }, "responses are left")

	require.EqualValues(t, 10, suspects.Load())
	require.EqualValues(t, 500, ordinary.Load())
	require.Zero(t, overlaps.Load())
	require.Empty(t, f.letters(), "a count is no proof")
	require.Empty(t, f.trials())
}

func TestSuspectThatFailsIsALetterAndLeavesNoRecord(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	q := f.requests()
	f.publish(q, 1)
	f.suspicious(topology.Requests, topology.Generator)
	f.consume(q, func(context.Context, []queue.Message[request]) error { return errors.New("no") })
	f.drained()
	require.Len(t, f.letters(), 1)
	require.Equal(t, "no", f.letters()[0].Header.Get(queue.LetterReason))
	require.Equal(t, "6", f.letters()[0].Header.Get(queue.LetterDeliveries))
	require.Empty(t, f.trials())
}

// A process whose connection is gone can say no more than one that is dead.
func TestSuspectWhoseTrialNeverEndedIsALetter(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: 500 * time.Millisecond})
	f.publish(f.requests(), 5)
	f.suspicious(topology.Requests, topology.Generator)

	dying := f.connect()
	killer := make(chan request, 1)
	dead := f.consume(f.requestsOver(dying, patience), func(_ context.Context, batch []queue.Message[request]) error {
		select {
		case killer <- batch[0].Body:
		default:
			return nil
		}
		dying.Close()
		return nil
	})
	dead.returned()
	require.Error(t, dead.err)
	require.Len(t, f.trials(), 1)

	h := newHandled()
	f.consume(f.requests(), h.handle)
	f.drained()
	require.Zero(t, h.of(<-killer))
	require.Equal(t, 4, h.count(), "the others have done nothing")
	require.Len(t, f.letters(), 1)
	require.Contains(t, f.letters()[0].Header.Get(queue.LetterReason), "ended the process")
	f.eventually(func() bool { return len(f.trials()) == 0 }, "the record is left")
}

func TestTrialInterruptedByAStopLeavesNoRecord(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	q := f.requestsOver(f.connect(), 50*time.Millisecond)
	values := f.publish(q, 3)
	f.suspicious(topology.Requests, topology.Generator)
	begun := make(chan struct{}, 1)
	c := f.consume(q, func(ctx context.Context, _ []queue.Message[request]) error {
		begun <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	receive(t, begun, "the trial did not begin")
	require.Len(t, f.trials(), 1)
	c.stop()
	require.Empty(t, f.trials())

	h := newHandled()
	f.consume(f.requests(), h.handle)
	f.drained()
	h.requireEachOnce(t, values)
	require.Empty(t, f.letters())
}

// REQUESTS' handler waits for room in RESPONSES, which only RESPONSES' handler
// can make, in the same process. The first responses are suspect, and wait until
// nothing is handled: until REQUESTS' handler is done. There are enough of them
// to keep both loops waiting for ever.
func TestSuspectGivesWayToWhatOthersWaitFor(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never, MaxBytes: 128 << 10})
	client := f.client(f.connect(), patience)
	requests := queue.New(client, requestsConfig(), contract.Requests)
	responses := f.responsesOf(client)
	for range 6 {
		require.NoError(t, responses.Publish(t.Context(), newResponse()))
	}
	f.suspicious(topology.Responses, topology.Requestor)
	f.fill(responses)

	f.publish(requests, 1)
	begun := make(chan struct{}, 1)
	f.consume(requests, func(ctx context.Context, _ []queue.Message[request]) error {
		begun <- struct{}{}
		return responses.Publish(ctx, newResponse())
	})
	receive(t, begun, "the request did not come")
	var suspects atomic.Int64
	consume(f, responses, func(_ context.Context, batch []queue.Message[contract.Response]) error {
		if batch[0].Deliveries > 5 {
			suspects.Add(1)
		}
		return nil
	})
	f.drained()
	f.eventually(func() bool { return f.stream(topology.Responses).State.Msgs == 0 }, "responses are left")
	require.EqualValues(t, 6, suspects.Load())
	require.Empty(t, f.letters())
}

// The other way round: the suspect's own handler waits for room that another
// handler of the process must make.
func TestOthersAreLetInWhenASuspectTakesLong(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never, MaxBytes: 128 << 10})
	client := f.client(f.connect(), patience)
	requests := queue.New(client, requestsConfig(), contract.Requests)
	responses := f.responsesOf(client)
	f.publish(requests, 1)
	f.suspicious(topology.Requests, topology.Generator)
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
	require.Empty(t, f.trials())
	require.Empty(t, f.letters())
}

func TestTrialWaitsForItsRecords(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	q := f.requests()
	bucket := f.stream("KV_" + topology.Suspects).Config
	require.NoError(t, f.js.DeleteStream(t.Context(), bucket.Name))
	suspects := f.publish(q, 1)
	f.suspicious(topology.Requests, topology.Generator)
	h := newHandled()
	f.consume(q, h.handle)
	f.eventually(func() bool { return f.logs.lines("records of trials", "run setup") > 0 }, "the log does not say what to do")
	f.publish(q, 1)
	f.eventually(func() bool { return h.count() == 1 }, "others must go on")
	require.Zero(t, h.of(suspects[0]))

	_, err := f.js.CreateStream(t.Context(), bucket)
	require.NoError(t, err)
	f.drained()
	require.Equal(t, 1, h.of(suspects[0]))
}
