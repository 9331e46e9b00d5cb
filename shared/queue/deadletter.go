package queue

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/shared/publish"
)

// Headers of a dead letter. Its body is the message's original body.
const (
	DeadLetterReason     = "Dead-Reason"     // why it became one, one line
	DeadLetterQueue      = "Dead-Queue"      // the stream it was in
	DeadLetterSubject    = "Dead-Subject"    // where it was published, and a redrive publishes it again
	DeadLetterSequence   = "Dead-Sequence"   // its sequence in the stream
	DeadLetterAttempts   = "Dead-Attempts"   // how many attempts at it failed
	DeadLetterDeliveries = "Dead-Deliveries" // how often it was delivered
	DeadLetterPublished  = "Dead-Published"  // when the stream stored it, RFC 3339
	DeadLetterTime       = "Dead-Time"       // when it became one, RFC 3339
	DeadLetterOmitted    = "Dead-Omitted"    // how many of its headers did not fit

	// DeadLetterOriginal precedes the name of each of the message's own headers.
	// Under their own names the broker would obey them. It would, for example,
	// refuse a dead letter whose header expects the stream of the message.
	DeadLetterOriginal = "Original-"
)

const (
	unknownID    = "unknown"
	maxToken     = 128      // bytes
	maxReason    = 1000     // bytes
	maxOriginals = 16 << 10 // bytes of original headers; the broker takes 64 KiB in all
)

// deadLetter stores dead letters, and terminates their messages only when the broker
// has confirmed them. A message that cannot be dead-lettered stays in the queue.
func (w *worker[T]) deadLetter(work context.Context, messages []failure[T]) {
	if len(messages) == 0 {
		return
	}
	letters := make([]*nats.Msg, len(messages))
	for i, m := range messages {
		letters[i] = w.letter(m)
	}
	within, cancel := context.WithTimeout(work, w.room.next())
	defer cancel()
	refused, err := w.store(within, letters)
	if work.Err() == nil {
		w.room.ended(err != nil)
	}
	var recorded []string
	for i, m := range messages {
		log := w.log.With("id", m.id, "reason", oneLine(m.err.Error()), "attempts", m.record.Failures, "deliveries", m.Deliveries)
		if failed := errors.Join(err, refused[i]); failed != nil {
			log.Error("cannot dead-letter a message; it stays in the queue", "error", failed)
			pause := w.config.MaxBackoff
			if work.Err() != nil {
				pause = 0
			}
			w.counts.handedBack.Add(w.nak([]*delivery[T]{m.delivery}, func(*delivery[T]) time.Duration { return pause }))
			continue
		}
		// If this is lost, the message is redelivered and dead-lettered again. The
		// message ID of the dead letter prevents a second one.
		if w.reply(m.delivery, "+TERM") {
			w.counts.deadLettered.Add(1)
			log.Warn("message dead-lettered")
		}
		if m.record.Failures > 0 || m.record.sequence > 0 {
			recorded = append(recorded, m.key)
		}
	}
	w.attempts.clear(w.cleanUp, recorded)
}

// store publishes dead letters. One whose message ID is taken counts as stored only
// if it is found there: its message may have been redelivered because its termination
// was lost. Otherwise it is stored without an ID, since two dead letters are better
// than none.
func (w *worker[T]) store(ctx context.Context, letters []*nats.Msg) (refused map[int]error, err error) {
	refused, err = w.client.publisher.Publish(ctx, w.config.DeadLetterStream, letters)
	for i, reason := range refused {
		switch {
		case !errors.Is(reason, publish.ErrDuplicate):
			if errors.Is(reason, publish.ErrTooLarge) {
				refused[i] = w.storeWithoutExtras(ctx, letters[i])
			}
		case w.isStored(ctx, letters[i]):
			delete(refused, i)
		default:
			w.log.Error("another dead letter bears the message ID of this one; storing it without", "message_id", letters[i].Header.Get(jetstream.MsgIDHeader))
			refused[i] = w.storeAgain(ctx, letters[i])
		}
		if refused[i] == nil {
			delete(refused, i)
		}
	}
	return refused, err
}

func (w *worker[T]) storeAgain(ctx context.Context, letter *nats.Msg) error {
	letter.Header.Del(jetstream.MsgIDHeader)
	refused, err := w.client.publisher.Publish(ctx, w.config.DeadLetterStream, []*nats.Msg{letter})
	return errors.Join(err, refused[0])
}

// storeWithoutExtras stores a dead letter that is too large for the broker, without
// the message's own headers and with a short reason. A redrive needs neither.
func (w *worker[T]) storeWithoutExtras(ctx context.Context, letter *nats.Msg) error {
	const shortReason = 100
	omitted, _ := strconv.Atoi(letter.Header.Get(DeadLetterOmitted))
	for name, values := range letter.Header {
		if strings.HasPrefix(name, DeadLetterOriginal) {
			omitted += len(values)
			delete(letter.Header, name)
		}
	}
	if omitted > 0 {
		letter.Header.Set(DeadLetterOmitted, strconv.Itoa(omitted))
	}
	if reason := letter.Header.Get(DeadLetterReason); len(reason) > shortReason {
		letter.Header.Set(DeadLetterReason, strings.ToValidUTF8(reason[:shortReason], "")+"…")
	}
	refused, err := w.client.publisher.Publish(ctx, w.config.DeadLetterStream, []*nats.Msg{letter})
	if errors.Is(refused[0], publish.ErrDuplicate) && w.isStored(ctx, letter) {
		return err
	}
	return errors.Join(err, refused[0])
}

// isStored reports whether the last dead letter of the subject is about the same
// message.
func (w *worker[T]) isStored(ctx context.Context, letter *nats.Msg) bool {
	m, err := w.client.conn.RequestWithContext(ctx, "$JS.API.DIRECT.GET."+w.config.DeadLetterStream+"."+letter.Subject, nil)
	if err != nil {
		return false
	}
	for _, name := range []string{DeadLetterQueue, DeadLetterSequence, DeadLetterPublished} {
		if m.Header.Get(name) != letter.Header.Get(name) {
			return false
		}
	}
	return bytes.Equal(m.Data, letter.Data)
}

func (w *worker[T]) letter(d failure[T]) *nats.Msg {
	header := nats.Header{
		jetstream.MsgIDHeader: {w.config.Stream + ":" + d.identity(":")},
		DeadLetterReason:      {oneLine(d.err.Error())},
		DeadLetterQueue:       {w.config.Stream},
		DeadLetterSubject:     {d.msg.Subject},
		DeadLetterSequence:    {strconv.FormatUint(d.sequence, 10)},
		DeadLetterAttempts:    {strconv.Itoa(d.record.Failures)},
		DeadLetterDeliveries:  {strconv.Itoa(d.Deliveries)},
		DeadLetterPublished:   {d.Published.UTC().Format(time.RFC3339Nano)},
		DeadLetterTime:        {time.Now().UTC().Format(time.RFC3339Nano)},
	}
	room, omitted := maxOriginals, 0
	for name, values := range d.msg.Header {
		for _, v := range values {
			size := len(DeadLetterOriginal) + len(name) + len(": ") + len(v) + len("\r\n")
			if size > room || !isHeaderName(name) {
				omitted++
				continue
			}
			room -= size
			header[DeadLetterOriginal+name] = append(header[DeadLetterOriginal+name], v)
		}
	}
	if omitted > 0 {
		header.Set(DeadLetterOmitted, strconv.Itoa(omitted))
	}
	id := d.id
	if !isToken(id) {
		id = unknownID
	}
	return &nats.Msg{Subject: w.config.DeadLetterSubject + "." + id, Header: header, Data: d.msg.Data}
}

// isToken reports whether an ID can be part of a subject. The broker closes the
// connection of a client that sends a line that is too long.
func isToken(id string) bool {
	return 0 < len(id) && len(id) <= maxToken && !strings.ContainsFunc(id, func(r rune) bool {
		return r <= ' ' || r >= unicode.MaxASCII || strings.ContainsRune(".*>", r)
	})
}

// isHeaderName reports whether the client library can send a header of that name.
// It can receive names that it cannot send.
func isHeaderName(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= unicode.MaxASCII || strings.ContainsRune(`"()/,:;<=>?@[\]{}`, r)
	})
}

// oneLine makes text safe for a header and a terminal: printable and bounded.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}
