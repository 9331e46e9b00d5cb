// Package deadletter looks at dead letters, redrives and discards them.
//
// Their stream is untrusted: a client that may publish to it can store any body and any
// headers under any subject below "dead.". A malformed dead letter is shown as far as
// possible, and hides no other one.
package deadletter

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"decoupled.example/shared/queue"
)

// unknown is the request ID of a dead letter whose message has no readable one.
const unknown = "unknown"

// Message is a dead letter.
type Message struct {
	ID         string      `json:"id"`       // names it for good: "51-9f3a21c4"
	Sequence   uint64      `json:"sequence"` // in the stream; used again after that was deleted, or restored
	Queue      string      `json:"queue"`
	RequestID  string      `json:"request_id"` // "unknown" when the message has none that can be read
	Reason     string      `json:"reason"`
	Attempts   int         `json:"attempts"`   // that failed
	Deliveries int         `json:"deliveries"` // 0: unknown
	Subject    string      `json:"subject"`    // where the message was published
	Published  time.Time   `json:"published"`  // when its queue stored it; zero: unknown
	Stored     time.Time   `json:"set_aside"`  // when the dead letter was stored
	Header     nats.Header `json:"header"`     // the message's own
	Omitted    int         `json:"omitted"`    // how many of them did not fit into the dead letter
	Body       []byte      `json:"body"`       // the message's own; may hold anything
}

// letter reads a stored message as a dead letter.
func (s stored) letter() Message {
	l := Message{ID: s.id(), Sequence: s.Sequence, RequestID: unknown, Stored: s.Time, Header: nats.Header{}, Body: s.Body}
	// The subject is dead.<queue>.<request ID>.
	_, rest, _ := strings.Cut(s.Subject, ".")
	queueName, id, ok := strings.Cut(rest, ".")
	if l.Queue = queueName; ok {
		l.RequestID = id
	}
	header, err := s.header()
	if err != nil {
		l.Reason = fmt.Sprintf("unknown: %v", err)
		return l
	}
	l.read(header)
	return l
}

// read reads the headers of the dead letter.
func (l *Message) read(header nats.Header) {
	l.Reason = header.Get(queue.DeadLetterReason)
	l.Subject = header.Get(queue.DeadLetterSubject)
	l.Attempts = number(header.Get(queue.DeadLetterAttempts))
	l.Deliveries = number(header.Get(queue.DeadLetterDeliveries))
	l.Omitted = number(header.Get(queue.DeadLetterOmitted))
	l.Published, _ = time.Parse(time.RFC3339Nano, header.Get(queue.DeadLetterPublished)) // zero: unknown
	for name, values := range header {
		if original, ok := strings.CutPrefix(name, queue.DeadLetterOriginal); ok {
			l.Header[original] = values
		}
	}
}

// number returns 0 for text that is no number.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
