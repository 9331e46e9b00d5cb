package queue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

// defaults is the configuration of the project: that of package topology.
func (f *fixture) defaults(change func(*queue.Config)) *queue.Queue[request] {
	f.Helper()
	config := quickConfig()
	config.Attempts, config.Backoff, config.MaxBackoff, config.MaxPause = 0, 0, 0, 0
	if change != nil {
		change(&config)
	}
	return queue.New(f.client(f.connect(), patience), config, contract.Requests)
}

var errRefused = errors.New("database: connection refused")

// While a dependency is down, one message at a time is tried, with pauses, and
// no attempt is counted.
func TestRetry_BacksOffAndCountsNothing(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(batch []queue.Message[request]) error{
		"for the batch": func([]queue.Message[request]) error { return fmt.Errorf("cannot store: %w", queue.Retry(errRefused)) },
		"for each message": func(batch []queue.Message[request]) error {
			failed := queue.BatchError{}
			for i := range batch {
				failed[i] = queue.Retry(errRefused)
			}
			return failed
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, topology.Settings{})
			const maxPause = 400 * time.Millisecond
			q := f.defaults(func(c *queue.Config) { c.MaxPause = maxPause })
			values := f.publish(q, 500)
			h := newHandled()
			var mu sync.Mutex
			var tried []time.Time
			var sizes []int
			var down atomic.Bool
			down.Store(true)
			f.consume(q, func(ctx context.Context, batch []queue.Message[request]) error {
				if !down.Load() {
					return h.handle(ctx, batch)
				}
				mu.Lock()
				defer mu.Unlock()
				tried, sizes = append(tried, time.Now()), append(sizes, len(batch))
				return answer(batch)
			})
			f.eventually(func() bool { mu.Lock(); defer mu.Unlock(); return len(tried) >= 12 }, "it is not tried again")
			require.Contains(t, q.Problems()[0], "REQUESTS: backing off, one message every 400ms")
			require.Contains(t, q.Problems()[0], "connection refused")
			require.NoError(t, q.Live(), "a broken dependency is no reason to restart")
			down.Store(false)
			f.drained()
			h.requireEachOnce(t, values)
			require.Empty(t, f.letters())
			require.Empty(t, f.records())
			require.Empty(t, q.Problems())
			require.Zero(t, q.Counts().Failed)
			require.Positive(t, q.Counts().Retried)
			// Both loops may have had a batch when the dependency failed.
			require.Equal(t, slices.Repeat([]int{1}, len(sizes)-2), sizes[2:])
			for i := 7; i < len(tried); i++ {
				require.GreaterOrEqual(t, tried[i].Sub(tried[i-1]), maxPause-10*time.Millisecond, "the pause before try %d", i)
			}
			require.Positive(t, f.logs.lines("consumption backs off", "connection refused"))
			require.Positive(t, f.logs.lines("consumption is back at full speed"))
		})
	}
}

func TestRetryAfter_WaitsForTheGivenTime(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	q := f.defaults(nil)
	f.publish(q, 20)
	const after = 1500 * time.Millisecond
	var tried []time.Time
	var mu sync.Mutex
	f.consume(q, func(context.Context, []queue.Message[request]) error {
		mu.Lock()
		defer mu.Unlock()
		if tried = append(tried, time.Now()); len(tried) > 4 {
			return nil
		}
		return queue.RetryAfter(errRefused, after)
	})
	f.drained()
	for i := 3; i < 5; i++ { // both loops may have had a message at first
		require.GreaterOrEqual(t, tried[i].Sub(tried[i-1]), after-10*time.Millisecond)
	}
}

// Not even a handler that fails all messages as if they were to blame may burn
// the backlog: nobody can tell then.
func TestConsume_SpendsFewAttemptsWhileNothingSucceeds(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]int{"a large backlog": 500, "a small backlog": 10, "a few messages, named": 6} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, topology.Settings{})
			q := f.defaults(nil)
			values := f.publish(q, n)
			var down atomic.Bool
			down.Store(true)
			h := newHandled()
			begun := time.Now()
			var calls atomic.Int64
			f.consume(q, func(ctx context.Context, batch []queue.Message[request]) error {
				if !down.Load() {
					return h.handle(ctx, batch)
				}
				calls.Add(1)
				if n == 6 {
					return queue.Each(func(context.Context, queue.Message[request]) error { return errRefused })(ctx, batch)
				}
				return errRefused
			})
			f.eventually(func() bool { return len(q.Problems()) > 0 && time.Since(begun) > 6*time.Second }, "it goes on at full speed")
			require.Contains(t, q.Problems()[0], "nothing succeeds: database: connection refused")
			require.LessOrEqual(t, q.Counts().Failed, int64(60))
			require.Less(t, calls.Load(), int64(100))
			down.Store(false)
			f.drained()
			require.Empty(t, f.letters())
			h.requireEachOnce(t, values)
		})
	}
}

// A message that fails alone must not be taken for a dependency.
func TestConsume_DeadLettersASingleBadMessageOfAnIdleQueue(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	q := f.defaults(nil)
	f.publish(q, 1)
	f.consume(q, func(context.Context, []queue.Message[request]) error { return errors.New("bad") })
	f.drained()
	require.Len(t, f.letters(), 1)
	require.EqualValues(t, 5, q.Counts().Failed)
}

// Bad messages that are left over when all others have succeeded do not make
// consumption back off: the others show that no dependency is to blame.
func TestConsume_IsNotSlowedByTheLastBadMessages(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]time.Duration{"in batches": 0, "one by one": 5 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, topology.Settings{})
			q := f.defaults(nil)
			values := f.publish(q, 300)
			bad := map[string]bool{}
			for i := range 15 {
				bad[values[20*i].ID] = true
			}
			f.consume(q, queue.Each(func(_ context.Context, m queue.Message[request]) error {
				<-time.After(size)
				if bad[m.Body.ID] {
					return errors.New("bad")
				}
				return nil
			}))
			f.drained()
			require.Len(t, f.letters(), 15)
			require.EqualValues(t, 75, q.Counts().Failed)
			require.Zero(t, f.logs.lines("consumption backs off"))
		})
	}
}

func TestConsume_BisectsABatchWhoseHandlerNamesNoMessage(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	q := f.requests()
	values := f.publish(q, 4000)
	bad := map[string]bool{}
	for i := range 4 {
		bad[values[500+1000*i].ID] = true
	}
	h := newHandled()
	var calls atomic.Int64
	f.consume(q, func(ctx context.Context, batch []queue.Message[request]) error {
		calls.Add(1)
		if slices.ContainsFunc(batch, func(m queue.Message[request]) bool { return bad[m.Body.ID] }) {
			return errors.New("bad")
		}
		return h.handle(ctx, batch)
	})
	f.drained()
	t.Log("handler calls:", calls.Load())
	require.LessOrEqual(t, calls.Load(), int64(100))
	require.Len(t, f.letters(), 4)
	require.Equal(t, 3996, h.count())
	for _, v := range values {
		if !bad[v.ID] {
			require.Equal(t, 1, h.of(v), "%s was handled twice", v.ID)
		}
	}
	require.EqualValues(t, 20, q.Counts().Failed)
}

func TestBatchError_RepeatsNoMessageThatSucceeded(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	q := f.requests()
	values := f.publish(q, 2000)
	bad, hopeless := values[700], values[1300]
	h := newHandled()
	var tries sync.Map
	f.consume(q, func(ctx context.Context, batch []queue.Message[request]) error {
		failed := make(queue.BatchError)
		for i, m := range batch {
			n, _ := tries.LoadOrStore(m.Body.ID, new(atomic.Int64))
			n.(*atomic.Int64).Add(1)
			switch m.Body.ID {
			case bad.ID:
				failed[i] = errors.New("bad")
			case hopeless.ID:
				failed[i] = queue.Reject(errors.New("hopeless"))
			default:
				_ = h.handle(ctx, batch[i:i+1])
			}
		}
		return failed // empty means that all succeeded
	})
	f.drained()
	require.Equal(t, 1998, h.count())
	tries.Range(func(id, n any) bool {
		want := int64(1)
		if id == bad.ID {
			want = 5
		}
		require.Equal(t, want, n.(*atomic.Int64).Load(), "%s", id)
		return true
	})
	letters := f.letters()
	require.Len(t, letters, 2)
	require.Equal(t, "hopeless", letters[0].Header.Get(queue.DeadLetterReason))
	require.Equal(t, "bad", letters[1].Header.Get(queue.DeadLetterReason))
	require.EqualValues(t, 5, q.Counts().Failed)
}

// An error about another batch names nothing of this one.
func TestBatchError_WithAnIndexOutOfRangeNamesNothing(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	q := f.requests()
	f.publish(q, 50)
	f.consume(q, func(_ context.Context, batch []queue.Message[request]) error {
		return queue.BatchError{len(batch): errors.New("off by one")}
	})
	f.eventually(func() bool { return len(f.letters()) > 0 }, "nothing fails")
	require.Zero(t, q.Counts().Acknowledged, "acked, though something failed")
}

func TestReject_DeadLettersAtOnce(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	q := f.requests()
	values := f.publish(q, 300)
	h := newHandled()
	f.consume(q, func(ctx context.Context, batch []queue.Message[request]) error {
		if has(batch, values[77]) {
			return fmt.Errorf("cannot price the order: %w", queue.Reject(errors.New("unknown currency")))
		}
		return h.handle(ctx, batch)
	})
	f.drained()
	require.Len(t, f.letters(), 1)
	require.Equal(t, "dead.REQUESTS."+values[77].ID, f.letters()[0].Subject)
	require.Equal(t, "cannot price the order: unknown currency", f.letters()[0].Header.Get(queue.DeadLetterReason))
	require.Equal(t, 299, h.count())
	require.Zero(t, q.Counts().Failed)
}

func TestEach_FailsOneMessageWithoutTheOthers(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	q := f.requests()
	values := f.publish(q, 300)
	h := newHandled()
	f.consume(q, queue.Each(func(ctx context.Context, m queue.Message[request]) error {
		switch m.Body.ID {
		case values[50].ID:
			panicForTheTest()
		case values[99].ID:
			return queue.Reject(errors.New("hopeless"))
		}
		return h.handle(ctx, []queue.Message[request]{m})
	}))
	f.drained()
	require.Equal(t, 298, h.count())
	require.Len(t, f.letters(), 2)
	require.Positive(t, f.logs.lines("handler panicked", "panicForTheTest"), "the stack must be in the log")
	for _, v := range slices.Concat(values[:50], values[51:99], values[100:]) {
		require.Equal(t, 1, h.of(v))
	}
}

// It stops at the first message for which a dependency fails.
func TestEach_TriesNoFurtherMessageWhenADependencyFails(t *testing.T) {
	t.Parallel()
	var tried []int
	handler := queue.Each(func(_ context.Context, m queue.Message[int]) error {
		tried = append(tried, m.Body)
		if m.Body == 2 {
			return queue.Retry(errRefused)
		}
		return nil
	})
	batch := make([]queue.Message[int], 5)
	for i := range batch {
		batch[i].Body = i
	}
	failed := queue.BatchError{}
	require.ErrorAs(t, handler(t.Context(), batch), &failed)
	require.Equal(t, []int{0, 1, 2}, tried)
	require.Len(t, failed, 3)
	for _, i := range []int{2, 3, 4} {
		require.ErrorIs(t, failed[i], errRefused)
	}
}

// The messages before it have used up the time.
func TestEach_BlamesNoMessageForTheTimeOfOthers(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	config := quickConfig()
	config.HandlerTimeout, config.Concurrency = 300*time.Millisecond, 1
	q := queue.New(f.client(f.connect(), patience), config, contract.Requests)
	values := f.publish(q, 60)
	h := newHandled()
	var slow atomic.Bool
	f.consume(q, queue.Each(func(ctx context.Context, m queue.Message[request]) error {
		if h.count() == 20 {
			slow.Store(true)
		}
		if slow.Load() && h.count() < 25 {
			select { // slower than all before
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return h.handle(ctx, []queue.Message[request]{m})
	}))
	f.drained()
	h.requireEachOnce(t, values)
	require.Zero(t, q.Counts().Failed)
	require.Zero(t, q.Counts().Retried, "a dependency is blamed")
	require.Positive(t, q.Counts().Returned)
	require.Empty(t, f.letters())
}

func TestConcurrency_BoundsTheCallsAtATime(t *testing.T) {
	t.Parallel()
	for _, want := range []int{1, 2, 5} {
		f := start(t, topology.Settings{})
		config := quickConfig()
		config.Concurrency = want
		q := queue.New(f.client(f.connect(), patience), config, contract.Requests)
		f.publish(q, 200)
		var now, most atomic.Int64
		f.consume(q, func(context.Context, []queue.Message[request]) error {
			n := now.Add(1)
			defer now.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			<-time.After(20 * time.Millisecond)
			return nil
		})
		f.drained()
		require.EqualValues(t, want, most.Load())
	}
}

func TestConsume_RefusesAnInvalidConfiguration(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	for want, change := range map[string]func(*queue.Config){
		"Stream is missing":                   func(c *queue.Config) { c.Stream = "" },
		"AttemptBucket is missing":            func(c *queue.Config) { c.AttemptBucket = "" },
		"DeadLetterStream is missing":         func(c *queue.Config) { c.DeadLetterStream = "" },
		"Attempts must not be negative":       func(c *queue.Config) { c.Attempts = -1 },
		"HandlerTimeout must not be negative": func(c *queue.Config) { c.HandlerTimeout = -1 },
		"Concurrency must not be negative":    func(c *queue.Config) { c.Concurrency = -1 },
	} {
		err := f.defaults(change).Consume(t.Context(), newHandled().handle)
		require.ErrorContains(t, err, want)
	}
}
