// Package direct reads many messages of a stream with one request, from any
// replica. A replica may lag behind: what is not found may be there nevertheless,
// and what is found is right.
package direct

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrIncomplete says that some messages of an answer did not arrive.
var ErrIncomplete = errors.New("the answer is incomplete")

// Query is which messages are wanted: either a range or the last of some
// subjects.
type Query struct {
	Sequence uint64   `json:"seq,omitempty"`        // from this one on
	Batch    int      `json:"batch,omitempty"`      // so many,
	Last     []string `json:"multi_last,omitempty"` // or the last message of each of these; at most 1024
}

// Message is a stored message.
type Message struct {
	Sequence uint64
	Subject  string
	Time     time.Time   // when it was stored, by the broker's clock
	Header   nats.Header // its own, and the broker's after them
	Data     []byte
}

// Get returns the messages that the answering replica has, the oldest first. A
// message whose headers cannot be read has the sequence 0, and nothing else.
// There is no end to its waiting but ctx's.
func Get(ctx context.Context, conn *nats.Conn, stream string, q Query) ([]Message, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	answers := make(chan *nats.Msg, max(q.Batch, len(q.Last))+1) // room for all that can come, and the end
	inbox := conn.NewInbox()
	sub, err := conn.ChanSubscribe(inbox, answers)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only on a closed connection
	if err := conn.PublishRequest("$JS.API.DIRECT.GET."+stream, inbox, body); err != nil {
		return nil, err
	}
	var messages []Message
	for {
		var m *nats.Msg
		select {
		case m = <-answers:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		// A message has a sequence; what is only the broker's word has a status.
		sequence, status := said(m, jetstream.SequenceHeader), said(m, "Status")
		switch {
		case sequence == "" && status == "404":
			return nil, nil
		case sequence == "" && status == "503":
			return nil, nats.ErrNoResponders
		case sequence == "" && status == "204":
			return messages, nil
		case sequence == "" && status != "":
			return nil, fmt.Errorf("%w: %s %s", ErrIncomplete, status, said(m, "Description"))
		case sequence == "":
			messages = append(messages, Message{})
			continue
		}
		read := Message{Subject: said(m, jetstream.SubjectHeader), Header: m.Header, Data: m.Data}
		if read.Sequence, err = strconv.ParseUint(sequence, 10, 64); err != nil {
			return nil, fmt.Errorf("%w: no sequence: %w", ErrIncomplete, err)
		}
		if read.Time, err = time.Parse(time.RFC3339Nano, said(m, jetstream.TimeStampHeaer)); err != nil {
			return nil, fmt.Errorf("%w: no time: %w", ErrIncomplete, err)
		}
		messages = append(messages, read)
	}
}

// said returns what the broker says in a header. It adds its headers after those
// that the message was published with, which may have the same names.
func said(m *nats.Msg, header string) string {
	values := m.Header[header]
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}
