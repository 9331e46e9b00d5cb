package queue

import (
	"context"
	"time"

	"decoupled.example/shared/grace"
)

const (
	// turn is how long a suspect waits until nothing else is being handled.
	// Others cannot begin meanwhile, and one of them may be what the others wait
	// for (a full queue that only it can empty), so the suspect must give way.
	turn = time.Second
	// alone is how long others wait for a suspect that is being handled, and
	// then no longer, for the same reason: it may be the suspect that waits for
	// them. Its trial stays on record.
	alone = 5 * time.Second
	// offRecord is how long a trial that work's end interrupted may take to get
	// off the record.
	offRecord = 2 * time.Second
)

// suspects handles messages that were delivered more often than they may fail.
// A high count is no proof: outages, stops and a neighbour that killed the
// process raise it too. So each is tried once more, with nothing else being
// handled in this process, and the trial is put on record before. If a record
// is there already, the last trial did not end, and the message becomes a dead
// letter.
//
// A process that is killed from outside in that very moment makes the same
// letter, and so does one that was frozen for so long that the broker gave the
// message to another. It is not lost: redrive it.
func (w *worker[T]) suspects(work context.Context, suspects []*delivery[T]) {
	for i, d := range suspects {
		if w.suspect(work, d) {
			continue
		}
		for _, d := range suspects[i:] { // the others would wait in vain as well
			pause := backoff(w.config.Backoff, w.config.MaxBackoff, d.Deliveries-w.config.Attempts)
			if work.Err() != nil {
				pause = 0
			}
			w.again(d, pause)
			w.counts.handedBack.Add(1)
		}
		return
	}
}

// suspect settles one of them. It says whether its turn came.
func (w *worker[T]) suspect(work context.Context, d *delivery[T]) bool {
	waiting, cancel := context.WithTimeout(work, turn)
	defer cancel()
	if w.client.handling.Acquire(waiting, everyone) != nil {
		return false
	}
	others := time.AfterFunc(alone, func() { w.client.handling.Release(everyone - 1) })
	trial := w.newTrial(d)
	unended, err := trial.begin(work)
	if unended == "" {
		if err == nil {
			w.log.Warn().Str("id", d.id).Int("deliveries", d.Deliveries).Msg("a message was delivered suspiciously often; handling it alone")
			err = w.call(work, []*delivery[T]{d})
		}
		w.endTrial(work, trial, trial.attempt)
	}
	if others.Stop() {
		w.client.handling.Release(everyone)
	} else {
		w.client.handling.Release(1)
	}
	if unended == "" {
		w.conclude(work, d, err)
	} else if w.setAside(work, rejected[T]{d, "it ended the process that handled it alone"}) {
		w.endTrial(work, trial, unended)
	}
	return true
}

// endTrial takes an attempt off the record, also when work has ended meanwhile:
// the process is alive, so the message has not killed it.
func (w *worker[T]) endTrial(work context.Context, trial *trial, attempt string) {
	ctx, cancel := grace.After(work, offRecord)
	defer cancel()
	if err := trial.end(ctx, attempt); err != nil {
		w.log.Warn().Err(err).Str("record", trial.key).Msg("cannot remove the record of a trial; should the message come again it becomes a dead letter")
	}
}
