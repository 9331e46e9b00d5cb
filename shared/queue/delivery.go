package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"decoupled.example/shared/direct"
	"decoupled.example/shared/publish"
)

// delivery is a message in flight. Each ends as acked, nak'd, terminated or released.
type delivery[T any] struct {
	Message[T]
	id       string
	key      string // of its attempt record
	sequence uint64
	waiting  uint64 // messages of the queue that were never delivered
	msg      *nats.Msg
	epoch    int // see origin
	extender *extender
	record   record // as it was last read
}

// identity is unique among all messages of the stream's name, including the one that
// had the same sequence before the stream was deleted and re-created.
func (d *delivery[T]) identity(separator string) string {
	return fmt.Sprint(d.sequence, separator, d.Published.UnixNano())
}

// process handles delivered messages: each is acked, becomes a dead letter, or
// returns to the queue.
func (w *worker[T]) process(work context.Context, epoch int, messages []*nats.Msg) {
	if len(messages) == 0 {
		return
	}
	extender := newExtender(messages, time.Duration(w.ackWait.Load())/3, func(m *nats.Msg) { w.extend(m, epoch) })
	defer extender.stop()
	w.counts.inHand.Add(int64(len(messages)))
	defer w.counts.inHand.Add(-int64(len(messages)))

	var fresh, again []*delivery[T]
	var unreadable []failure[T]
	for _, m := range messages {
		meta, err := m.Metadata()
		if err != nil { // not from a consumer: no ack is expected
			w.log.Warn("ignored a message with an unreadable ack subject", "error", err, "reply", m.Reply)
			extender.release(m)
			continue
		}
		w.size.waiting(meta.NumPending)
		w.origin.saw(epoch, meta.Sequence.Consumer)
		d := &delivery[T]{msg: m, epoch: epoch, extender: extender, sequence: meta.Sequence.Stream, waiting: meta.NumPending, Message: Message[T]{
			Header: m.Header, Attempt: 1, Deliveries: int(meta.NumDelivered), Published: meta.Timestamp,
		}}
		d.Body, d.id, err = w.decode(m)
		switch {
		case err != nil:
			unreadable = append(unreadable, failure[T]{delivery: d, err: err})
		case d.Deliveries > 1:
			w.counts.redelivered.Add(1)
			d.key = w.config.Stream + "." + d.identity(".")
			again = append(again, d)
		default:
			fresh = append(fresh, d)
		}
	}
	if len(fresh) > 0 {
		w.batch(work, fresh)
	}
	w.settle(work, &results[T]{rejected: unreadable})
	if len(again) > 0 {
		w.redelivered(work, again)
	}
}

// decode returns a panic of the codec as an error. A panic would end the process at
// each delivery, before anything is known of the message.
func (w *worker[T]) decode(m *nats.Msg) (body T, id string, err error) {
	err = recovered(func() (err error) {
		body, err = w.codec.Decode(m.Header, m.Data)
		id = w.codec.ID(body)
		return err
	})
	w.logPanics(err, "codec panicked")
	return body, id, err
}

// redelivered handles messages that were delivered before, according to their attempt
// records.
func (w *worker[T]) redelivered(work context.Context, messages []*delivery[T]) {
	keys := make([]string, len(messages))
	for i, d := range messages {
		keys[i] = d.key
	}
	asking, cancel := w.attempts.bounded(work)
	records, err := w.attempts.known(asking, keys)
	cancel()
	if err != nil {
		w.unrecorded(work, messages, err)
		return
	}
	w.attempts.waits.ended(false)
	var clean, isolated, later []*delivery[T]
	_, backingOff := w.breaker.state()
	for _, d := range messages {
		d.record = records[d.key]
		d.record.Blamed = w.blames(d.record)
		d.Attempt = d.record.Failures + 1
		switch {
		case backingOff != nil && d.record.Failures > 0 && d.waiting > 0:
			// Another message is a better proof that something succeeds, and
			// this one has fewer attempts left.
			later = append(later, d)
		case inQuarantine(d):
			isolated = append(isolated, d)
		default:
			clean = append(clean, d)
		}
	}
	w.giveBack(later)
	if len(clean) > 0 {
		w.batch(work, clean)
	}
	w.quarantine(work, isolated)
}

// unrecorded returns messages to the queue whose attempts cannot be read or put on
// record.
func (w *worker[T]) unrecorded(work context.Context, messages []*delivery[T], err error) {
	pause := time.Duration(0)
	switch {
	case work.Err() != nil || !w.client.conn.IsConnected():
	case errors.Is(err, publish.ErrUnavailable) && !errors.Is(err, direct.ErrRefused):
		w.attempts.waits.ended(true)
		pause = w.config.MaxPause
	default: // permanent: the broker refuses it
		pause = w.config.MaxBackoff
	}
	if pause > 0 && w.attempts.lasting.Due() {
		w.log.Error("cannot use attempt records; their messages are tried later", "error", err, "messages", len(messages))
	}
	w.counts.handedBack.Add(w.nak(messages, func(*delivery[T]) time.Duration { return pause }))
}

// settle reports the results to the broker: acks, naks and dead letters.
func (w *worker[T]) settle(work context.Context, r *results[T]) {
	w.ack(r.done)
	w.giveBack(r.back)
	for _, d := range r.left { // its deadline passes, and another replica gets it
		d.extender.release(d.msg)
	}
	w.counts.retried.Add(w.nak(r.retried, func(*delivery[T]) time.Duration { return w.breaker.delay() }))
	w.deadLetter(work, slices.Concat(r.rejected, w.count(work, r.failed)))
}

// count records failures, schedules the redelivery of their messages, and returns
// the messages that have no attempt left.
func (w *worker[T]) count(work context.Context, failed []failure[T]) (dead []failure[T]) {
	if len(failed) == 0 {
		return nil
	}
	w.counts.failed.Add(int64(len(failed)))
	before, failures := make(map[string]record, len(failed)), make(map[string]record, len(failed))
	for _, f := range failed {
		f.key = w.config.Stream + "." + f.identity(".")
		before[f.key] = f.record
		failures[f.key] = record{Reason: oneLine(f.err.Error()), Worker: w.id, Successes: f.successes, Blamed: f.blamed || w.blames(f.record)}
	}
	after, err := w.attempts.fail(work, before, failures)
	if err != nil {
		if work.Err() == nil {
			w.log.Error("cannot put failed attempts on record; their messages are tried again", "error", err, "messages", len(failed))
		}
		for _, f := range failed {
			w.nak([]*delivery[T]{f.delivery}, func(*delivery[T]) time.Duration { return w.config.MaxBackoff })
		}
		return nil
	}
	for _, f := range failed {
		f.record = after[f.key]
		log := w.log.With("error", f.err, "id", f.id, "attempt", f.record.Failures)
		switch {
		case f.record.Failures >= w.config.Attempts:
			dead = append(dead, f)
		case errors.Is(f.err, errAbandoned):
			log.Info("attempt failed; the message is released")
			f.extender.release(f.msg)
		default:
			pause := w.backoff(f.delivery)
			log.Info("attempt failed; the message will be redelivered", "again_in", pause.Round(time.Millisecond).String())
			w.nak([]*delivery[T]{f.delivery}, func(*delivery[T]) time.Duration { return pause })
		}
	}
	return dead
}

// blames reports whether other messages have succeeded since the message failed
// last, as far as this process knows.
func (w *worker[T]) blames(r record) bool {
	return r.Blamed || r.Worker == w.id && w.breaker.succeededSoFar() > r.Successes
}

// backoff is the pause before the next attempt at a message that has failed. While
// consumption backs off it is longer than the pause, so that another message is
// tried next.
func (w *worker[T]) backoff(d *delivery[T]) time.Duration {
	pause := backoff(w.config.Backoff, w.config.MaxBackoff, d.record.Failures)
	if _, reason := w.breaker.state(); reason != nil {
		pause = max(pause, w.breaker.delay())
	}
	return pause
}

// ack acknowledges messages that are done.
func (w *worker[T]) ack(done []*delivery[T]) {
	var recorded []string
	for _, d := range done {
		if w.reply(d, "+ACK") {
			w.counts.acknowledged.Add(1)
		}
		if d.record.sequence > 0 || d.record.Running != "" {
			recorded = append(recorded, d.key)
		}
	}
	w.attempts.clear(w.cleanUp, recorded)
}

// giveBack returns untried messages to the queue at once, for this or another replica.
// Messages that have failed before are redelivered later, so that the others are tried
// first.
func (w *worker[T]) giveBack(messages []*delivery[T]) {
	w.counts.handedBack.Add(w.nak(messages, func(d *delivery[T]) time.Duration {
		if d.record.Failures == 0 {
			return 0
		}
		return w.backoff(d)
	}))
}

// nak requests redelivery of messages after a pause, and returns how many.
func (w *worker[T]) nak(messages []*delivery[T], pause func(*delivery[T]) time.Duration) (n int64) {
	for _, d := range messages {
		verdict := "-NAK"
		if p := pause(d); p > 0 {
			verdict = fmt.Sprintf(`-NAK {"delay":%d}`, p)
		}
		if w.reply(d, verdict) {
			n++
		}
	}
	return n
}

// reply sends the verdict on a delivery to the broker, once, and reports whether it
// did. It waits for no answer: a lost reply leads to a redelivery, as it must.
func (w *worker[T]) reply(d *delivery[T], verdict string) bool {
	if !d.extender.release(d.msg) || !w.owns(d.epoch) {
		return false
	}
	_ = w.client.conn.Publish(d.msg.Reply, []byte(verdict))
	return true
}

// extend asks the broker for more time, unless there is an outage. After one the
// consumer is verified first: all loops may be waiting for handlers.
func (w *worker[T]) extend(m *nats.Msg, epoch int) {
	switch {
	case w.origin.current(epoch, w.client.conn):
		_ = w.client.conn.Publish(m.Reply, []byte("+WPI"))
	case int64(epoch) == w.origin.epoch.Load() && w.client.conn.IsConnected():
		w.verifySoon()
	}
}
