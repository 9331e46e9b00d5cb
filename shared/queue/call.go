package queue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"
)

var (
	// errTimeout is the cause of the end of a handler's context.
	errTimeout = errors.New("handler timed out")
	// errAbandoned is the result of a call that did not return in time.
	errAbandoned = errors.New("the handler did not return")
	// errExited is the result of a call that ended with runtime.Goexit.
	errExited = errors.New("the handler ended its goroutine")
)

// calls are the handler calls of one queue that are running. They may be used
// concurrently.
type calls struct {
	mu      sync.Mutex
	running map[*call]struct{}
}

// call is one call of a handler.
type call struct {
	begun     time.Time
	abandoned bool
}

func (c *calls) begin() *call {
	one := &call{begun: time.Now()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil {
		c.running = make(map[*call]struct{})
	}
	c.running[one] = struct{}{}
	return one
}

func (c *calls) end(one *call) (abandoned bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.running, one)
	return one.abandoned
}

func (c *calls) abandon(one *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one.abandoned = true
}

// stuck returns how many abandoned calls have not returned, and for how long the
// oldest of them has been running.
func (c *calls) stuck() (n int, longest time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for one := range c.running {
		if one.abandoned {
			n++
			longest = max(longest, time.Since(one.begun))
		}
	}
	return n, longest
}

// call calls the handler with a batch. It returns the handler's error, or
// errAbandoned when the handler has not returned a tenth of its timeout after its
// context ended. The handler then keeps running, and call does not wait for it.
func (w *worker[T]) call(work context.Context, batch []*delivery[T]) error {
	ctx, cancel := context.WithTimeoutCause(work, w.config.HandlerTimeout, errTimeout)
	defer cancel()
	messages := make([]Message[T], len(batch))
	for i, d := range batch {
		messages[i] = d.Message
		messages[i].Header = maps.Clone(d.Header) // the handler's to change, at any time
	}
	one := w.calls.begin()
	result := make(chan error, 1)
	go func() {
		err := errExited
		defer func() {
			if w.calls.end(one) {
				log := w.log.With("after", time.Since(one.begun).Round(time.Millisecond).String())
				if err != nil {
					log = log.With("error", err)
				}
				log.Warn("abandoned handler call returned; its result is ignored")
			}
			result <- err
		}()
		err = readable(recovered(func() error { return w.handle(ctx, messages) }))
	}()
	select {
	case err := <-result:
		return w.result(ctx, err)
	case <-ctx.Done():
	}
	last := w.config.HandlerTimeout / 10
	if work.Err() != nil {
		last = min(last, w.client.grace/8)
	}
	overtime := time.NewTimer(last)
	defer overtime.Stop()
	select {
	case err := <-result:
		return w.result(ctx, err)
	case <-overtime.C:
	}
	w.calls.abandon(one)
	w.counts.timedOut.Add(1)
	w.log.Error("handler did not return after its context ended; releasing its messages", "id", batch[0].id, "messages", len(batch), "timeout", w.config.HandlerTimeout.String())
	return fmt.Errorf("%w within %v", errAbandoned, w.config.HandlerTimeout+last)
}

// result adds the timeout to a handler's error, and logs panics.
func (w *worker[T]) result(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	w.logPanics(err, "handler panicked")
	if errors.Is(context.Cause(ctx), errTimeout) {
		w.counts.timedOut.Add(1)
		if _, ok := batchError(err); !ok {
			return fmt.Errorf("%w after %v: %w", errTimeout, w.config.HandlerTimeout, err)
		}
	}
	return err
}

func (w *worker[T]) logPanics(err error, event string) {
	failed, _ := errors.AsType[BatchError](err)
	for _, one := range failed {
		w.logPanics(one, event)
	}
	if p, ok := errors.AsType[*panicError](err); ok {
		w.log.Error(event, "error", err, "stack", string(p.stack))
	}
}
