package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/queue"
)

// consumption is a Consume under way.
type consumption struct {
	f      *fixture
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

// consume starts to consume, until stop or the end of the test.
func (f *fixture) consume(q *queue.Queue[request], handle queue.Handler[request]) *consumption {
	return consume(f, q, handle)
}

func consume[T any](f *fixture, q *queue.Queue[T], handle queue.Handler[T]) *consumption {
	ctx, cancel := context.WithCancel(context.Background())
	c := &consumption{f: f, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.err = q.Consume(ctx, handle)
	}()
	f.Cleanup(func() { cancel(); <-c.done })
	return c
}

// stop tells Consume to stop and waits until it has.
func (c *consumption) stop() {
	c.f.Helper()
	c.cancel()
	c.returned()
	require.NoError(c.f, c.err)
}

func (c *consumption) returned() {
	c.f.Helper()
	receive(c.f, c.done, "Consume did not return")
}

// receive waits for a value, or for a channel to be closed.
func receive[T any](t testing.TB, from <-chan T, otherwise string) (value T) {
	t.Helper()
	select {
	case value = <-from:
	case <-time.After(patience):
		require.FailNow(t, otherwise)
	}
	return value
}
