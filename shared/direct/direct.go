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

// errIncomplete: of an answer of many messages some did not arrive.
var errIncomplete = errors.New("the answer is incomplete")

// Query is which messages are wanted: either a range or the last of some
// subjects.
type Query struct {
	Sequence uint64   `json:"seq,omitempty"`        // from this one on
	Batch    int      `json:"batch,omitempty"`      // so many,
	Last     []string `json:"multi_last,omitempty"` // or the last message of each of these; at most 1024
	MaxBytes int      `json:"max_bytes,omitempty"`  // no more than this; 0 is as much as the broker sends a connection
}

// Message is a stored message.
type Message struct {
	Sequence uint64
	Subject  string
	Time     time.Time   // when it was stored, by the broker's clock
	Header   nats.Header // its own, and the broker's after them
	Data     []byte
}

// Get returns the messages that the answering replica has, the oldest first, and
// whether it has more that did not fit. A message whose headers cannot be read
// has the sequence 0, and nothing else. With an error it returns those that had
// come. There is no end to its waiting but ctx's, and the connection's.
func Get(ctx context.Context, conn *nats.Conn, stream string, q Query) (messages []Message, more bool, err error) {
	body, err := json.Marshal(q)
	if err != nil {
		return nil, false, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Room for all that can come, and the end: the library drops what does not
	// fit. (Its own channel would have room for 65,536, for each request.)
	answers := make(chan *nats.Msg, max(q.Batch, len(q.Last))+1)
	inbox := conn.NewInbox()
	sub, err := conn.ChanSubscribe(inbox, answers)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = sub.Unsubscribe() }()        // fails only on a closed connection
	sub.SetClosedHandler(func(string) { cancel() }) // so that it ends this too
	if err := conn.PublishRequest("$JS.API.DIRECT.GET."+stream, inbox, body); err != nil {
		return nil, false, err
	}
	for last := "0"; ; {
		var m *nats.Msg
		select {
		case m = <-answers:
		case <-ctx.Done():
			if conn.IsClosed() {
				return messages, false, nats.ErrConnectionClosed
			}
			return messages, false, ctx.Err()
		}
		// A message has a sequence; what is only the broker's word has a status.
		sequence, status := said(m, jetstream.SequenceHeader), said(m, "Status")
		switch {
		case sequence == "" && status == "":
			messages, last = append(messages, Message{}), ""
			continue
		case sequence == "" && status == "404": // none
			return nil, false, nil
		case sequence == "" && status == "503":
			return nil, false, nats.ErrNoResponders
		case sequence == "" && status != "204":
			return messages, false, fmt.Errorf("%w: %s %s", errIncomplete, status, said(m, "Description"))
		case last != "" && said(m, jetstream.LastSequenceHeader) != last: // a connection broke on the way
			return messages, false, fmt.Errorf("%w: what follows %s is missing", errIncomplete, last)
		case sequence == "": // the end
			return messages, said(m, "Nats-Num-Pending") != "0", nil
		}
		read := Message{Subject: said(m, jetstream.SubjectHeader), Header: m.Header, Data: m.Data}
		if read.Sequence, err = strconv.ParseUint(sequence, 10, 64); err != nil {
			return messages, false, fmt.Errorf("%w: no sequence: %w", errIncomplete, err)
		}
		if read.Time, err = time.Parse(time.RFC3339Nano, said(m, jetstream.TimeStampHeaer)); err != nil {
			return messages, false, fmt.Errorf("%w: no time: %w", errIncomplete, err)
		}
		messages, last = append(messages, read), sequence
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
