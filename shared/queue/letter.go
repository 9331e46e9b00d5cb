package queue

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Headers of a dead letter. Its body is the message's body, as it was.
const (
	LetterReason     = "Dead-Reason"     // why it was set aside, one line
	LetterQueue      = "Dead-Queue"      // the stream it was in
	LetterSubject    = "Dead-Subject"    // where it was published, and a redrive publishes it again
	LetterSequence   = "Dead-Sequence"   // its sequence in the stream
	LetterDeliveries = "Dead-Deliveries" // how often it was delivered
	LetterPublished  = "Dead-Published"  // when the stream stored it, RFC 3339
	LetterTime       = "Dead-Time"       // when it was set aside, RFC 3339
	LetterOmitted    = "Dead-Omitted"    // how many of its headers did not fit

	// LetterOriginal precedes the name of each of the message's own headers.
	// Under their own names the broker would obey them: a letter that expects
	// the stream of its message is refused for ever.
	LetterOriginal = "Original-"
)

const (
	unknownID    = "unknown"
	maxToken     = 128      // bytes
	maxReason    = 1000     // bytes
	maxOriginals = 16 << 10 // bytes of original headers; the broker takes 64 KiB in all

	// asideWithin bounds the wait for letters to be stored. Where they cannot be
	// (their stream is full, or missing) their messages stay in the queue and come
	// again later: waiting for room would keep good messages waiting, too.
	asideWithin = 5 * time.Second
)

// rejected is a message to be set aside, and why.
type rejected[T any] struct {
	*delivery[T]
	reason string
}

// setAside makes messages dead letters, and only when that is confirmed takes
// them out of the queue. It says whether all are: what cannot be set aside stays
// in the queue.
func (w *worker[T]) setAside(work context.Context, messages ...rejected[T]) bool {
	if len(messages) == 0 {
		return true
	}
	letters := make([]*nats.Msg, len(messages))
	for i, m := range messages {
		letters[i] = w.letter(m)
	}
	within, cancel := context.WithTimeout(work, asideWithin)
	defer cancel()
	refused, err := w.client.publisher.Publish(within, "", letters)
	for i, m := range messages {
		log := w.log.With().Str("id", m.id).Str("reason", oneLine(m.reason)).Int("deliveries", m.Deliveries).Logger()
		if failed := errors.Join(err, refused[i]); failed != nil {
			log.Error().Err(failed).Msg("cannot set a message aside; it stays in the queue")
			w.giveBack(work, m.delivery, w.config.MaxBackoff)
			continue
		}
		if m.hold.release(m.msg) {
			// Should this get lost, the message is delivered and judged again;
			// the letter's ID keeps the letter the only one.
			w.reply(m.msg, "+TERM")
			w.counts.deadLettered.Add(1)
			log.Warn().Msg("set a message aside as a dead letter")
		}
	}
	return err == nil && len(refused) == 0
}

func (w *worker[T]) letter(d rejected[T]) *nats.Msg {
	header := nats.Header{
		jetstream.MsgIDHeader: {w.config.Stream + ":" + d.identity(":")},
		LetterReason:          {oneLine(d.reason)},
		LetterQueue:           {w.config.Stream},
		LetterSubject:         {d.msg.Subject},
		LetterSequence:        {strconv.FormatUint(d.sequence, 10)},
		LetterDeliveries:      {strconv.Itoa(d.Deliveries)},
		LetterPublished:       {d.Published.UTC().Format(time.RFC3339Nano)},
		LetterTime:            {time.Now().UTC().Format(time.RFC3339Nano)},
	}
	room, omitted := maxOriginals, 0
	for name, values := range d.msg.Header {
		for _, v := range values {
			size := len(LetterOriginal) + len(name) + len(": ") + len(v) + len("\r\n")
			if size > room || !isHeaderName(name) {
				omitted++
				continue
			}
			room -= size
			header[LetterOriginal+name] = append(header[LetterOriginal+name], v)
		}
	}
	if omitted > 0 {
		header.Set(LetterOmitted, strconv.Itoa(omitted))
	}
	id := d.id
	if !isToken(id) {
		id = unknownID
	}
	return &nats.Msg{Subject: w.config.Letters + "." + id, Header: header, Data: d.msg.Data}
}

// isToken says whether an ID can be a part of a subject. The broker cuts the
// connection of who sends a line that is too long.
func isToken(id string) bool {
	return 0 < len(id) && len(id) <= maxToken && !strings.ContainsFunc(id, func(r rune) bool {
		return r <= ' ' || r >= unicode.MaxASCII || strings.ContainsRune(".*>", r)
	})
}

// isHeaderName says whether the client library can send a header of that name.
// It receives names that it cannot send.
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
