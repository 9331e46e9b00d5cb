package direct

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// errIncomplete is the error for an answer with missing messages.
var errIncomplete = errors.New("the answer is incomplete")

// Message is a stored message.
type Message struct {
	Sequence uint64
	Subject  string
	Time     time.Time   // when it was stored, by the broker's clock
	Header   nats.Header // its own, and the broker's after them
	Data     []byte
}

// get sends one request and returns the messages of its answer, at most n, and
// whether there are more that did not fit.
func get(ctx context.Context, conn *nats.Conn, stream string, request []byte, n int) (messages []Message, more bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Room for all that can come, and the end: the library drops what does not
	// fit. (Its own channel would have room for 65,536, for each request.)
	answers := make(chan *nats.Msg, n+1)
	inbox := conn.NewInbox()
	sub, err := conn.ChanSubscribe(inbox, answers)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = sub.Unsubscribe() }()        // fails only on a closed connection
	sub.SetClosedHandler(func(string) { cancel() }) // so that it ends this too
	if err := conn.PublishRequest(Subject(stream), inbox, request); err != nil {
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
		// A message has a sequence; an answer of the broker itself has a status.
		sequence, status := said(m, jetstream.SequenceHeader), said(m, "Status")
		switch {
		case sequence == "" && status == "":
			messages, last = append(messages, Message{}), ""
			continue
		case sequence == "" && status != "204":
			return messages, false, statusError(status, said(m, "Description"))
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

// Subject is where requests for messages of that stream are sent.
func Subject(stream string) string { return "$JS.API.DIRECT.GET." + stream }

// statusError returns the error for a status that ends an answer early; nil if the
// status only says that there is nothing.
func statusError(status, description string) error {
	switch status {
	case "404":
		return nil
	case "503":
		return nats.ErrNoResponders
	case "408", "412", "413": // malformed, of another API level, too many results
		return fmt.Errorf("%w: %s %s", ErrRefused, status, description)
	}
	return fmt.Errorf("%w: %s %s", errIncomplete, status, description)
}

// said returns the broker's value of a header. The broker adds its headers after those
// of the message, which may have the same names.
func said(m *nats.Msg, header string) string {
	values := m.Header[header]
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}
