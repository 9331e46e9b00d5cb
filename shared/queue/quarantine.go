package queue

import (
	"context"
	"errors"
	"time"
)

// suspicious is how many deliveries of a message may end without a trace (no
// failure on record) before the message is suspected of killing its workers. A
// high count proves nothing: outages, shutdowns and a neighbour that killed the
// process raise it too.
const suspicious = 3

// longestWait bounds how long a message stays away that has found another one in
// isolation.
const longestWait = time.Second

// cleanUpWithin bounds how long the end of an attempt may take to get on record.
const cleanUpWithin = 2 * time.Second

// inQuarantine reports whether a message must be handled in isolation: an attempt
// at it has failed, or did not end, or its deliveries are suspicious.
func inQuarantine[T any](d *delivery[T]) bool {
	return d.record.Failures > 0 || d.record.Running != "" || d.Deliveries-d.record.Failures > suspicious
}

// quarantine handles messages in isolation: one at a time among all that are in
// quarantine in this queue and process, with the attempt on record before it
// begins. A worker that dies leaves the record behind, which counts as a failed
// attempt; at Attempts the message becomes a dead letter. A message that finds
// another one in isolation goes back to the queue for a while.
//
// Other batches go on meanwhile, so a death that one of them causes is charged to
// the message in isolation. That is the price for never stopping the process. It
// takes Attempts such deaths to condemn an innocent message, and a killer joins
// the quarantine itself after few deliveries.
//
// A process that is killed from outside, frozen or cut off from the broker in that
// very moment costs the message one attempt, too.
func (w *worker[T]) quarantine(work context.Context, messages []*delivery[T]) {
	opening := w.breaker.begin()
	for i, d := range messages {
		if i > 0 && w.breaker.isOpen(opening) || work.Err() != nil {
			w.giveBack(messages[i:])
			return
		}
		if !w.isolated.TryLock() {
			w.counts.handedBack.Add(w.nak(messages[i:], func(d *delivery[T]) time.Duration {
				return backoff(w.config.Backoff, min(w.config.MaxBackoff, longestWait), max(1, d.Deliveries-suspicious))
			}))
			return
		}
		settle := w.isolate(work, d)
		w.isolated.Unlock()
		settle()
	}
}

// isolate makes one attempt at a message, and returns what settles it, for which
// others need not wait.
func (w *worker[T]) isolate(work context.Context, d *delivery[T]) (settle func()) {
	attempt := newAttempt()
	log := w.log.With("id", d.id, "deliveries", d.Deliveries)
	asking, cancel := w.attempts.bounded(work)
	record, err := w.attempts.begin(asking, d.key, attempt, w.config.Attempts)
	cancel()
	switch {
	case err != nil: // and it may be on record nevertheless
		w.endAttempt(d, attempt)
		return func() { w.unrecorded(work, []*delivery[T]{d}, err) }
	case record.Running != attempt: // no attempt is left
		d.record = record
		return func() {
			w.settle(work, &results[T]{rejected: []failure[T]{{delivery: d, err: errors.New(record.Reason)}}})
		}
	}
	record.Blamed = w.blames(record)
	d.record = record
	d.Attempt = record.Failures + 1
	log.Debug("handling a message in isolation", "attempt", d.Attempt)
	results := w.try(work, []*delivery[T]{d})
	if len(results.failed) == 0 && len(results.done) == 0 {
		w.endAttempt(d, attempt)
	}
	return func() { w.settle(work, results) }
}

// endAttempt takes an attempt off the record, also when work has ended meanwhile:
// the process is alive, so the message has not killed it.
func (w *worker[T]) endAttempt(d *delivery[T], attempt string) {
	ctx, cancel := context.WithTimeout(w.cleanUp, cleanUpWithin)
	defer cancel()
	if err := w.attempts.end(ctx, d.key, attempt); err != nil {
		w.log.Warn("cannot end the record of an attempt; it will count as failed", "error", err, "record", d.key)
	}
}
