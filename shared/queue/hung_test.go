package queue_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

// hanging returns a queue whose handler calls time out soon.
func (f *fixture) hanging(timeout time.Duration) *queue.Queue[request] {
	f.Helper()
	config := quickConfig()
	config.HandlerTimeout = timeout
	return queue.New(f.client(f.connect(), patience), config, contract.Requests)
}

// hang blocks until the test ends, whatever its context says.
func (f *fixture) hang() func() {
	end := make(chan struct{})
	f.Cleanup(sync.OnceFunc(func() { close(end) }))
	return func() { <-end }
}

func TestHandlerTimeout_ReleasesMessagesOfAHungHandler(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: 500 * time.Millisecond})
	hung := f.hanging(400 * time.Millisecond)
	values := f.publish(hung, 1)
	hang := f.hang()
	took := make(chan context.Context, 1)
	c := f.consume(hung, func(ctx context.Context, batch []queue.Message[request]) error {
		if has(batch, values[0]) {
			took <- ctx
			hang()
		}
		return nil
	})
	ctx := receive(t, took, "the handler was not called")
	f.eventually(func() bool { return ctx.Err() != nil }, "its context does not end")
	h := newHandled()
	f.consume(f.requests(), h.handle)
	f.drained()
	require.Equal(t, 1, h.of(values[0]), "another replica does not get it")
	require.Positive(t, hung.Counts().TimedOut)
	require.Positive(t, f.logs.lines("handler did not return", values[0].ID))
	require.Contains(t, strings.Join(hung.Problems(), "\n"), "handler calls have not returned")
	f.eventually(func() bool { return hung.Live() != nil }, "liveness does not fail")
	require.ErrorContains(t, hung.Live(), "handler calls of REQUESTS have not returned")

	// A stop does not wait for it.
	c.stop()
}

// What the handler returns in the end is about messages that are another
// replica's now.
func TestHandlerTimeout_IgnoresALateResult(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	late := f.hanging(200 * time.Millisecond)
	f.publish(late, 1)
	wire := f.tap("$JS.ACK.>")
	finish := make(chan struct{})
	c := f.consume(late, func(context.Context, []queue.Message[request]) error { <-finish; return nil })
	f.eventually(func() bool { return f.logs.lines("handler did not return") > 0 }, "it is waited for")
	c.cancel()
	close(finish)
	c.stop()
	f.eventually(func() bool { return f.logs.lines("its result is ignored") > 0 }, "it does not return")
	require.Empty(t, wire.sent("+ACK"))
	require.Equal(t, 1, f.left())
	require.NoError(t, late.Live(), "it has returned")
}

// While one call hangs, other batches and messages in quarantine go on.
func TestHandlerTimeout_DoesNotHoldUpOtherMessages(t *testing.T) {
	t.Parallel()
	for name, quarantined := range map[string]bool{"hangs in a batch": false, "hangs in quarantine": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, topology.Settings{AckWait: never})
			q := f.hanging(never)
			bad := f.publish(q, 1)
			if quarantined {
				f.suspicious(topology.Requests, topology.Generator)
			}
			hang := f.hang()
			took := make(chan struct{}, 1)
			h := newHandled()
			f.consume(q, func(ctx context.Context, batch []queue.Message[request]) error {
				if has(batch, bad[0]) {
					took <- struct{}{}
					hang()
				}
				return h.handle(ctx, batch)
			})
			receive(t, took, "the handler was not called")
			isolated := f.publish(q, 3)
			if !quarantined {
				f.eventually(func() bool { return h.count() == 3 }, "other batches do not go on")
				return
			}
			f.eventually(func() bool { return h.count() == 3 }, "other batches do not go on")
			h.requireEachOnce(t, isolated)
		})
	}
}

// Hung handlers are failures: a message that hangs each becomes a dead letter.
func TestHandlerTimeout_DeadLettersAMessageThatAlwaysHangs(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: 200 * time.Millisecond})
	q := f.hanging(100 * time.Millisecond)
	f.publish(q, 1)
	hang := f.hang()
	var calls atomic.Int64
	f.consume(q, func(context.Context, []queue.Message[request]) error {
		calls.Add(1)
		hang()
		return nil
	})
	f.drained()
	require.EqualValues(t, 5, calls.Load())
	require.Len(t, f.letters(), 1)
	require.Contains(t, f.letters()[0].Header.Get(queue.DeadLetterReason), "the handler did not return within 110ms")
}

// A handler that obeys its context returns in time, and its error says why.
func TestHandlerTimeout_EndsTheContextOfASlowHandler(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	config := quickConfig()
	config.HandlerTimeout, config.Attempts = 2*time.Second, 1
	q := queue.New(f.client(f.connect(), patience), config, contract.Requests)
	f.publish(q, 1)
	f.consume(q, func(ctx context.Context, _ []queue.Message[request]) error {
		<-ctx.Done()
		return ctx.Err()
	})
	f.drained()
	require.Equal(t, "handler timed out after 2s: context deadline exceeded", f.letters()[0].Header.Get(queue.DeadLetterReason))
	require.EqualValues(t, 1, q.Counts().TimedOut)
	require.Empty(t, q.Problems())
}

// A handler that looks for the end of its context only when it publishes has used
// up its time itself.
func TestHandlerTimeout_CountsAPublishAfterTheTimeout(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	config := quickConfig()
	config.HandlerTimeout = 2 * time.Second // a tenth of it is how late the handler may return
	config.Attempts = 2
	client := f.client(f.connect(), patience)
	q := queue.New(client, config, contract.Requests)
	responses := f.responsesOf(client)
	f.publish(q, 1)
	c := f.consume(q, func(ctx context.Context, _ []queue.Message[request]) error {
		<-ctx.Done()
		return responses.Publish(context.WithoutCancel(ctx), newResponse())
	})
	f.drained()
	c.stop()
	require.Empty(t, f.letters(), "it has published, and in time")

	f.publish(q, 1)
	f.consume(q, func(ctx context.Context, _ []queue.Message[request]) error {
		<-ctx.Done()
		return responses.Publish(ctx, newResponse())
	})
	f.drained()
	require.Contains(t, f.letters()[0].Header.Get(queue.DeadLetterReason), "handler timed out after 2s: cannot publish to RESPONSES: context deadline exceeded")
	require.Zero(t, q.Counts().Retried, "the broker is blamed")
}

// During an outage of the broker a handler waits for it until its time is up.
// That is not the message's fault.
func TestHandlerTimeout_DoesNotChargeAnOutageOfTheBroker(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: time.Second})
	config := quickConfig()
	config.HandlerTimeout = time.Second // a tenth of it is how late the handler may return
	client := f.client(f.connect(), patience)
	q := queue.New(client, config, contract.Requests)
	responses := f.responsesOf(client)
	require.NoError(t, f.js.DeleteStream(t.Context(), topology.Responses))
	f.publish(q, 20)
	f.consume(q, func(ctx context.Context, batch []queue.Message[request]) error {
		return responses.Publish(ctx, newResponse())
	})
	f.eventually(func() bool { return q.Counts().Retried >= 4 }, "nothing is tried")
	require.Contains(t, q.Problems()[0], "the broker is unavailable")
	require.Zero(t, q.Counts().Failed)
	require.Empty(t, f.records())
	require.Equal(t, 20, f.left())
}
