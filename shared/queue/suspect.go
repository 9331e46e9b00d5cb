package queue

import (
	"context"
	"time"

	"decoupled.example/shared/grace"
)

// offRecord is how long a trial that work's end interrupted may take to get off
// the record.
const offRecord = 2 * time.Second

// suspects handles messages that were delivered more often than they may fail.
// A high count is no proof: outages, stops and a neighbour that killed the
// process raise it too. So each is tried once more, with nothing else being
// handled in this process, and the trial is put on record before. If a record
// is there already, the last trial did not end, and the message becomes a dead
// letter.
//
// A process that is killed from outside in that very moment makes the same
// letter, and so does one that was frozen, or cut off from the broker, for so long
// that the broker gave the message to another. It is not lost: redrive it.
func (w *worker[T]) suspects(work context.Context, suspects []*delivery[T]) {
	for i, d := range suspects {
		done, again := w.client.turns.alone(work)
		if done == nil {
			for _, d := range suspects[i:] { // their turn would not come either
				w.giveBack(work, d, again)
			}
			return
		}
		w.suspect(work, d, done)
	}
}

// suspect settles a message whose turn it is, until it calls done.
func (w *worker[T]) suspect(work context.Context, d *delivery[T], done func()) {
	trial := w.newTrial(d)
	log := w.log.With().Str("id", d.id).Int("deliveries", d.Deliveries).Logger()
	unended, err := trial.begin(work)
	switch {
	case unended != "":
		done()
		if w.setAside(work, rejected[T]{d, "it ended the process that handled it alone"}) {
			w.endTrial(work, trial, unended)
		}
	case err != nil: // and it may be on record nevertheless
		w.endTrial(work, trial, trial.attempt)
		done()
		log.Warn().Err(err).Msg("cannot try a suspicious message; it stays in the queue")
		w.giveBack(work, d, w.config.MaxBackoff)
	default:
		log.Warn().Msg("a message was delivered suspiciously often; handling it alone")
		err = w.call(work, []*delivery[T]{d})
		w.endTrial(work, trial, trial.attempt)
		done()
		w.setAside(work, w.conclude(work, d, err)...)
	}
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
