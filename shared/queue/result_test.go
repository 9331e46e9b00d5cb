package queue_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

// A handler may join the errors of single messages with that of a commit, or
// return all as a Retry. What a BatchError in it does not name has not succeeded.
func TestBatchError_AcksNothingBesideAnotherError(t *testing.T) {
	t.Parallel()
	commit := errors.New("commit failed")
	for name, result := range map[string]error{
		"joined":                errors.Join(queue.BatchError{0: errors.New("bad")}, commit),
		"joined, and empty":     errors.Join(queue.BatchError{}, commit),
		"joined with a Retry":   errors.Join(queue.BatchError{}, queue.Retry(commit)),
		"with two errors":       fmt.Errorf("%w: %w", commit, queue.BatchError{}),
		"in a Retry":            queue.Retry(queue.BatchError{0: commit}),
		"in a Reject":           queue.Reject(queue.BatchError{0: commit}),
		"wrapped after joining": fmt.Errorf("cannot store: %w", errors.Join(commit, queue.BatchError{})),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, topology.Settings{})
			q := f.requests()
			f.publish(q, 10)
			var calls atomic.Int64
			f.consume(q, func(context.Context, []queue.Message[request]) error {
				calls.Add(1)
				return result
			})
			f.eventually(func() bool { return calls.Load() > 5 || f.left() == 0 }, "nothing is tried")
			require.Zero(t, q.Counts().Acknowledged, "acked, though something failed")
		})
	}
}

func TestBatchError_NamesMessagesWhenWrapped(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(error) error{
		"with text":     func(err error) error { return fmt.Errorf("cannot store: %w", err) },
		"joined to nil": func(err error) error { return errors.Join(nil, err, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, topology.Settings{})
			q := f.requests()
			values := f.publish(q, 50)
			h := newHandled()
			f.consume(q, func(ctx context.Context, batch []queue.Message[request]) error {
				failed := make(queue.BatchError)
				for i, m := range batch {
					if m.Body.ID == values[20].ID {
						failed[i] = queue.Reject(errors.New("bad"))
						continue
					}
					_ = h.handle(ctx, batch[i:i+1])
				}
				return wrap(failed)
			})
			f.drained()
			require.Len(t, f.letters(), 1)
			for _, v := range append(values[:20:20], values[21:]...) {
				require.Equal(t, 1, h.of(v), "handled again")
			}
		})
	}
}

type ownError struct{ text string }

func (e *ownError) Error() string { return e.text }

// A nil pointer in an error interface is an error whose text cannot be read.
func TestConsume_TakesANilPointerForAPanic(t *testing.T) {
	t.Parallel()
	var err *ownError
	for name, result := range map[string]func(n int) error{
		"plain":         func(int) error { return err },
		"named":         func(n int) error { return queue.BatchError{n - 1: err} },
		"wrapped":       func(int) error { return fmt.Errorf("cannot store: %w", err) },
		"retried":       func(int) error { return queue.Retry(err) },
		"named, reject": func(n int) error { return queue.BatchError{n - 1: queue.Reject(err)} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, topology.Settings{})
			q := f.requests()
			f.publish(q, 10)
			var calls atomic.Int64
			f.consume(q, func(_ context.Context, batch []queue.Message[request]) error {
				if calls.Add(1) > 10 {
					return nil
				}
				return result(len(batch))
			})
			f.drained()
		})
	}
}

// A handler may end its goroutine, as a test's require does.
func TestConsume_CountsAGoroutineThatEnded(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	config := quickConfig()
	config.HandlerTimeout = never
	q := queue.New(f.client(f.connect(), patience), config, contract.Requests)
	f.publish(q, 1)
	f.consume(q, func(context.Context, []queue.Message[request]) error {
		runtime.Goexit()
		return nil
	})
	f.drained()
	require.Len(t, f.letters(), 1)
	require.Equal(t, "the handler ended its goroutine", f.letters()[0].Header.Get(queue.DeadLetterReason))
}

// Also after it was abandoned, and while its message becomes a dead letter.
func TestConsume_IgnoresHeadersThatAHandlerChanges(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	config := quickConfig()
	config.HandlerTimeout, config.Attempts = 50*time.Millisecond, 1
	q := queue.New(f.client(f.connect(), patience), config, contract.Requests)
	_, body, err := contract.Requests.Encode(newRequests(1)[0])
	require.NoError(t, err)
	raw(t, f.url, topology.SubjectRequest, "NATS/1.0\r\nX: y\r\n\r\n", string(body))
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	f.consume(q, func(_ context.Context, batch []queue.Message[request]) error {
		for i := 0; ; i++ {
			select {
			case <-end:
				return nil
			case <-time.After(time.Millisecond):
				batch[0].Header.Set("X", strconv.Itoa(i))
			}
		}
	})
	f.drained()
	require.Equal(t, "y", f.letters()[0].Header.Get(queue.DeadLetterOriginal+"X"))
}
