// Package letters looks at dead letters, redrives and discards them.
package letters

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

// Letter is a message that was set aside.
type Letter struct {
	Sequence   uint64      `json:"sequence"` // of the letter, and its number for an operator
	Queue      string      `json:"queue"`
	RequestID  string      `json:"request_id"` // "unknown" when the message has none that can be read
	Reason     string      `json:"reason"`
	Deliveries int         `json:"deliveries"`
	Subject    string      `json:"subject"`   // where the message was published
	Published  time.Time   `json:"published"` // when its queue stored it
	SetAside   time.Time   `json:"set_aside"` // when the letter was stored
	Header     nats.Header `json:"header"`    // the message's own
	Body       []byte      `json:"body"`      // the message's own; may hold anything
}

// read makes a Letter of what is stored. The headers that a service writes are
// trusted for their form no more than anything else that is stored.
func read(m *jetstream.RawStreamMsg) (Letter, error) {
	tokens := strings.SplitN(m.Subject, ".", 3)
	if len(tokens) != 3 || tokens[0] != topology.SubjectDead {
		return Letter{}, fmt.Errorf("letter %d has the subject %q, not %s.<queue>.<id>", m.Sequence, m.Subject, topology.SubjectDead)
	}
	l := Letter{
		Sequence: m.Sequence, Queue: tokens[1], RequestID: tokens[2],
		Reason: m.Header.Get(queue.LetterReason), Subject: m.Header.Get(queue.LetterSubject),
		SetAside: m.Time, Header: nats.Header{}, Body: m.Data,
	}
	l.Deliveries, _ = strconv.Atoi(m.Header.Get(queue.LetterDeliveries))               // 0: unknown
	l.Published, _ = time.Parse(time.RFC3339Nano, m.Header.Get(queue.LetterPublished)) // zero: unknown
	for name, values := range m.Header {
		if original, ok := strings.CutPrefix(name, queue.LetterOriginal); ok {
			l.Header[original] = values
		}
	}
	return l, nil
}
