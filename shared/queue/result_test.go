package queue_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

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
