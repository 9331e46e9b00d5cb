package queue

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/nats-io/nats.go"
)

// delivery is a message in hand, and how to settle it: every delivery ends in
// exactly one of ack, again or setAside.
type delivery[T any] struct {
	Message[T]
	id       string
	sequence uint64
	msg      *nats.Msg
	hold     *hold
}

// identity tells the message from all others of the stream's name, also from
// the one that had its sequence before the stream was deleted and made again.
func (d *delivery[T]) identity(separator string) string {
	return fmt.Sprint(d.sequence, separator, d.Published.UnixNano())
}

// settle sees to it that each message ends as done, as a dead letter, or back
// in the queue.
func (w *worker[T]) settle(work context.Context, messages []*nats.Msg) {
	if len(messages) == 0 {
		return
	}
	hold := newHold(messages, time.Duration(w.ackWait.Load())/3, w.inProgress)
	defer hold.end()
	w.counts.inHand.Add(int64(len(messages)))
	defer w.counts.inHand.Add(-int64(len(messages)))

	var (
		batch, suspects []*delivery[T]
		unreadable      []rejected[T]
	)
	for _, m := range messages {
		meta, err := m.Metadata()
		if err != nil { // not from a consumer: nobody waits for an answer
			w.log.Warn().Err(err).Str("reply", m.Reply).Msg("ignored a message with an unreadable acknowledgement subject")
			hold.release(m)
			continue
		}
		w.size.waiting(meta.NumPending)
		if meta.NumDelivered > 1 {
			w.counts.redelivered.Add(1)
		}
		d := &delivery[T]{msg: m, hold: hold, sequence: meta.Sequence.Stream, Message: Message[T]{
			Header: m.Header, Deliveries: int(meta.NumDelivered), Published: meta.Timestamp,
		}}
		d.Body, d.id, err = w.decode(m)
		switch {
		case err != nil:
			unreadable = append(unreadable, rejected[T]{d, err.Error()})
		case d.Deliveries > w.config.Attempts:
			suspects = append(suspects, d)
		default:
			batch = append(batch, d)
		}
	}
	w.together(work, batch)
	w.setAside(work, unreadable...)
	w.suspects(work, suspects)
}

// decode makes a panic of the codec an error: it would end the process before
// anything is known of the message, and again each time.
func (w *worker[T]) decode(m *nats.Msg) (body T, id string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = w.panicked(p, "the codec panicked")
		}
	}()
	body, err = w.codec.Decode(m.Header, m.Data)
	return body, w.codec.ID(body), err
}

// together handles a batch, and where that fails its messages one by one.
func (w *worker[T]) together(work context.Context, batch []*delivery[T]) {
	if len(batch) == 0 {
		return
	}
	err := w.attempt(work, batch)
	if err == nil {
		for _, d := range batch {
			w.ack(d)
		}
		return
	}
	var givenUp []rejected[T] // set aside together: each might wait for room
	for _, d := range batch {
		if len(batch) > 1 {
			err = w.attempt(work, []*delivery[T]{d})
		}
		givenUp = append(givenUp, w.conclude(work, d, err)...)
	}
	w.setAside(work, givenUp...)
}

// attempt calls the handler in this process's turn.
func (w *worker[T]) attempt(work context.Context, batch []*delivery[T]) error {
	done, err := w.client.turns.together(work)
	if err != nil {
		return err
	}
	defer done()
	begun := time.Now()
	err = w.call(work, batch)
	w.size.handled(len(batch), time.Since(begun))
	return err
}

// call makes a panic of the handler a failure.
func (w *worker[T]) call(work context.Context, batch []*delivery[T]) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = w.panicked(p, "the handler panicked")
		}
	}()
	messages := make([]Message[T], len(batch))
	for i, d := range batch {
		messages[i] = d.Message
	}
	return w.handle(work, messages)
}

func (w *worker[T]) panicked(p any, message string) error {
	err := fmt.Errorf("panic: %v", p)
	w.log.Error().Err(err).Bytes("stack", debug.Stack()).Msg(message)
	return err
}

// conclude settles a message that was handled alone, or returns it to be set
// aside.
func (w *worker[T]) conclude(work context.Context, d *delivery[T], err error) []rejected[T] {
	switch {
	case err == nil:
		w.ack(d)
	case work.Err() != nil: // told to stop: not the message's fault
		w.giveBack(work, d, 0)
	case d.Deliveries >= w.config.Attempts:
		w.counts.failed.Add(1)
		return []rejected[T]{{d, err.Error()}}
	default:
		w.counts.failed.Add(1)
		pause := backoff(w.config.Backoff, w.config.MaxBackoff, d.Deliveries)
		w.log.Info().Err(err).Str("id", d.id).Int("delivery", d.Deliveries).Stringer("again_in", pause.Round(time.Millisecond)).Msg("cannot handle the message; it will come again")
		w.again(d, pause)
	}
	return nil
}

func (w *worker[T]) ack(d *delivery[T]) {
	if d.hold.release(d.msg) {
		w.reply(d.msg, "+ACK")
		w.counts.acknowledged.Add(1)
	}
}

// giveBack returns a message to the queue for no fault of its own, after pause;
// at once when work has ended, for another replica to do.
func (w *worker[T]) giveBack(work context.Context, d *delivery[T], pause time.Duration) {
	if work.Err() != nil {
		pause = 0
	}
	if w.again(d, pause) {
		w.counts.handedBack.Add(1)
	}
}

// again has the message come again after pause, and says whether it was still
// to be settled.
func (w *worker[T]) again(d *delivery[T], pause time.Duration) bool {
	if !d.hold.release(d.msg) {
		return false
	}
	if pause == 0 {
		w.reply(d.msg, "-NAK")
	} else {
		w.reply(d.msg, fmt.Sprintf(`-NAK {"delay":%d}`, pause))
	}
	return true
}

// reply tells the broker what became of a delivery. Nobody waits for an answer:
// a reply that is lost leads to a redelivery, which is what must happen then.
func (w *worker[T]) reply(m *nats.Msg, verdict string) {
	_ = w.client.conn.Publish(m.Reply, []byte(verdict))
}

// inProgress asks the broker for more time. During an outage such requests would
// fill the client's buffer, in which acknowledgements wait for its end.
func (w *worker[T]) inProgress(m *nats.Msg) {
	if w.client.conn.IsConnected() {
		w.reply(m, "+WPI")
	}
}
