// Package direct reads many messages of a stream with few requests, from any
// replica. A replica may lag behind, so a message that it does not return may still
// exist. The messages that it returns are right.
package direct

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
)

const (
	// portion is how many subjects one request names; the broker takes 1024.
	portion = 512
	// maxBytes is how much one request reads. Without it the broker sends so much
	// at once that it drops the connection as a slow consumer. It always sends at
	// least one message.
	maxBytes = 1 << 20
)

// ErrRefused is the error for a request that the broker does not answer however
// often it is sent: it is malformed, or larger than the broker takes.
var ErrRefused = errors.New("the broker refuses the request")

// query selects messages: a range, or the last of some subjects.
type query struct {
	Sequence uint64   `json:"seq,omitempty"`        // from this one on
	Batch    int      `json:"batch,omitempty"`      // so many,
	Last     []string `json:"multi_last,omitempty"` // or the last message of each of these
	MaxBytes int      `json:"max_bytes,omitempty"`
}

// From returns up to n messages from that sequence on, the oldest first, and
// whether there are more. It stops after about a megabyte, so fewer than n says
// nothing about what follows. A message whose headers cannot be read has the
// sequence 0 and no other field.
//
// With an error it returns the messages that had arrived. It waits until ctx ends
// or the connection is closed.
func From(ctx context.Context, conn *nats.Conn, stream string, sequence uint64, n int) (messages []Message, more bool, err error) {
	body, err := json.Marshal(query{Sequence: sequence, Batch: n, MaxBytes: maxBytes})
	if err != nil {
		return nil, false, err
	}
	if limit := conn.MaxPayload(); !fits(body, limit) {
		return nil, false, tooSmall(limit, "messages of "+stream)
	}
	return get(ctx, conn, stream, body, n)
}

// Last returns the last message of each of the subjects that has one, in no
// particular order. It sends as many requests as the broker's max_payload, and the
// size of the messages, make necessary. It leaves out messages whose headers cannot
// be read.
//
// With an error it returns the messages that had arrived. It waits until ctx ends
// or the connection is closed.
func Last(ctx context.Context, conn *nats.Conn, stream string, subjects []string) ([]Message, error) {
	var found []Message
	for len(subjects) > 0 {
		body, n, err := lastOf(subjects, conn.MaxPayload())
		if err != nil {
			return found, err
		}
		asked := subjects[:n]
		messages, more, err := get(ctx, conn, stream, body, n)
		messages = slices.DeleteFunc(messages, func(m Message) bool { return m.Sequence == 0 })
		found = append(found, messages...)
		if err != nil {
			return found, err
		}
		subjects = subjects[n:]
		// Messages that did not fit into the answer are requested again. An answer
		// without a readable message would be the same each time.
		if more && len(messages) > 0 {
			subjects = append(without(asked, messages), subjects...)
		}
	}
	return found, nil
}

// lastOf returns a request of at most limit bytes for the last messages of the
// first n of the subjects.
func lastOf(subjects []string, limit int64) (body []byte, n int, err error) {
	for n = min(len(subjects), portion); n > 0; n /= 2 {
		body, err = json.Marshal(query{Last: subjects[:n], MaxBytes: maxBytes})
		if err != nil || fits(body, limit) {
			return body, n, err
		}
	}
	return nil, 0, tooSmall(limit, fmt.Sprintf("%.80q", subjects[0]))
}

// fits reports whether a broker with that max_payload takes the request; 0 is
// unknown.
func fits(body []byte, limit int64) bool { return limit <= 0 || int64(len(body)) <= limit }

func tooSmall(limit int64, what string) error {
	return fmt.Errorf("%w: its max_payload of %d bytes is too small to ask for %s", ErrRefused, limit, what)
}

// without returns the subjects that none of the messages has.
func without(subjects []string, messages []Message) []string {
	have := make(map[string]bool, len(messages))
	for _, m := range messages {
		have[m.Subject] = true
	}
	var rest []string
	for _, s := range subjects {
		if !have[s] {
			rest = append(rest, s)
		}
	}
	return rest
}
