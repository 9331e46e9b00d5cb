package queue

import (
	"context"
	"errors"
	"time"
)

// failure is a message and why it failed.
type failure[T any] struct {
	*delivery[T]
	err error
	// successes is how many calls had succeeded when it failed.
	successes int
	// blamed says that no dependency is to blame.
	blamed bool
}

// results says how the messages that were passed to a handler end.
type results[T any] struct {
	done     []*delivery[T] // to be acked
	failed   []failure[T]   // counted attempts
	rejected []failure[T]   // to become dead letters
	retried  []*delivery[T] // tried, and not to blame
	back     []*delivery[T] // not tried
	left     []*delivery[T] // still with a handler that does not return

	dependency error // why messages are retried
	unknown    bool  // some message of several failed
}

// batch passes messages to the handler together. When the handler fails without
// naming a message, the batch is bisected: of n messages the first bad one is
// found by about log2(n) calls, and the messages behind it are tried together
// again.
func (w *worker[T]) batch(work context.Context, messages []*delivery[T]) {
	var all results[T]
	opening := w.breaker.begin()
	n := len(messages)
	failing := 0    // so many of the next messages are known to contain a bad one
	var last uint64 // sequence of the last message that succeeded
	for first := true; len(messages) > 0; first = false {
		if !first && (work.Err() != nil || w.breaker.isOpen(opening)) {
			all.back = append(all.back, messages...)
			break
		}
		r := w.try(work, messages[:n])
		if r.unknown {
			failing, n = n, n/2
			continue
		}
		w.ack(r.done)
		messages = messages[n:]
		if len(r.done) == n && failing > n {
			failing -= n
			n = (failing + 1) / 2
		} else {
			failing, n = 0, len(messages)
		}
		for _, d := range r.done {
			last = max(last, d.sequence)
		}
		r.done = nil
		all.add(r)
	}
	for i, f := range all.failed {
		// A message behind it succeeded later, so no dependency is to blame.
		all.failed[i].blamed = f.sequence < last
	}
	w.settle(work, &all)
}

func (r *results[T]) add(other *results[T]) {
	r.done = append(r.done, other.done...)
	r.failed = append(r.failed, other.failed...)
	r.rejected = append(r.rejected, other.rejected...)
	r.retried = append(r.retried, other.retried...)
	r.back = append(r.back, other.back...)
	r.left = append(r.left, other.left...)
}

// try passes messages to the handler once and returns the result of each.
func (w *worker[T]) try(work context.Context, messages []*delivery[T]) *results[T] {
	opening, begun := w.breaker.begin(), time.Now()
	err := w.call(work, messages)
	w.size.handled(len(messages), time.Since(begun))
	r := judge(work, messages, err)
	switch {
	case r.dependency != nil:
		w.breaker.unavailable(opening, r.dependency)
	case len(r.done) > 0:
		w.breaker.succeeded(opening)
	case messages[0].record.Blamed: // it is in quarantine, and says nothing about others
		w.breaker.repeated(opening)
	case len(r.failed) > 0:
		w.breaker.failed(opening, len(r.failed), messages[0].record.Failures > 0, r.failed[0].err)
	case err != nil && len(r.rejected) == 0 && work.Err() == nil:
		w.breaker.failed(opening, len(messages), false, err)
	}
	for i := range r.failed {
		r.failed[i].successes = w.breaker.succeededSoFar()
	}
	return r
}

// judge applies the rules of the handler contract to the result of a call.
func judge[T any](work context.Context, messages []*delivery[T], err error) *results[T] {
	r := &results[T]{}
	failed, ok := named(err, len(messages))
	switch {
	case err == nil:
		r.done = messages
	case errors.Is(err, errAbandoned) && (len(messages) > 1 || work.Err() != nil):
		r.left = messages
	case ok:
		for i, d := range messages {
			if err := failed[i]; err != nil {
				r.blame(work, d, err)
			} else {
				r.done = append(r.done, d)
			}
		}
	case len(messages) == 1:
		r.blame(work, messages[0], err)
	case isRetry(err):
		r.retried, r.dependency = messages, err
	case work.Err() != nil:
		r.back = messages
	case errors.Is(err, errTimeout):
		// Which of them took so long is unknown. The next batches are smaller.
		r.back = messages
	default:
		r.unknown = true
	}
	return r
}

// blame sorts one failed message into the results.
func (r *results[T]) blame(work context.Context, d *delivery[T], err error) {
	switch {
	case isReject(err):
		r.rejected = append(r.rejected, failure[T]{delivery: d, err: err})
	case work.Err() != nil, isUntried(err): // the shutdown, or the messages before it, are to blame
		r.back = append(r.back, d)
	case isRetry(err):
		r.retried, r.dependency = append(r.retried, d), err
	default:
		r.failed = append(r.failed, failure[T]{delivery: d, err: err})
	}
}
