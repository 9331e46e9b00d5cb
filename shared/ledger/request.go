package ledger

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

const (
	// maxBytes is how much one request reads at most: left to itself the broker
	// would send so much at once that it then drops the connection as too slow.
	maxBytes = 1 << 20
	// answerWithin is how long the broker may take for one request.
	answerWithin = 2 * time.Second
	// retryEvery is the pause before a failed read is repeated.
	retryEvery = 100 * time.Millisecond
	// sayAfter is how long a trouble must last to be worth a line: a broker
	// that starts, or elects a leader, refuses for a moment.
	sayAfter = time.Second
	// sayEvery keeps an outage from flooding the log.
	sayEvery = 10 * time.Second
)

// errIncomplete: of an answer of many messages some did not arrive.
var errIncomplete = errors.New("the answer is incomplete")

// query is a request for messages of the bucket's stream.
type query struct {
	Sequence uint64   `json:"seq,omitempty"`          // from this one on,
	Next     string   `json:"next_by_subj,omitempty"` // the next of a subject;
	Last     []string `json:"multi_last,omitempty"`   // or the last of each subject,
	LastOne  string   `json:"last_by_subj,omitempty"` // or of one
	Batch    int      `json:"batch,omitempty"`
	MaxBytes int      `json:"max_bytes,omitempty"`
}

// stored is an entry and its place in the stream.
type stored struct {
	Entry
	sequence uint64
}

// fromAnyReplica sends a query for many entries, and calls receive for each one
// that comes. It says whether there are more that did not fit.
func (l *JetStream) fromAnyReplica(ctx context.Context, q query, receive func(stored)) (more bool, err error) {
	body, err := json.Marshal(q)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	// Room for all that can come, and the end: the library drops what does not
	// fit. (Its own channel would have room for 65,536, for each request.)
	answers := make(chan *nats.Msg, max(q.Batch, len(q.Last))+1)
	inbox := l.conn.NewInbox()
	sub, err := l.conn.ChanSubscribe(inbox, answers)
	if err != nil {
		return false, err
	}
	defer func() { _ = sub.Unsubscribe() }()        // fails only on a closed connection
	sub.SetClosedHandler(func(string) { cancel() }) // so that it ends this too
	if err := l.conn.PublishRequest(l.api("DIRECT.GET"), inbox, body); err != nil {
		return false, err
	}
	for last := "0"; ; {
		var m *nats.Msg
		select {
		case m = <-answers:
		case <-ctx.Done():
			return false, ctx.Err()
		}
		// An entry has a sequence; what is only the broker's word has a status.
		sequence, status := said(m, jetstream.SequenceHeader), said(m, "Status")
		switch {
		case sequence == "" && status == "404": // none
			return false, nil
		case sequence == "" && status == "503":
			return false, nats.ErrNoResponders
		case sequence == "" && status != "204":
			return false, fmt.Errorf("%w: %s %s", errIncomplete, status, said(m, "Description"))
		case said(m, jetstream.LastSequenceHeader) != last: // a connection broke on the way
			return false, fmt.Errorf("%w: what follows %s is missing", errIncomplete, last)
		case sequence == "": // the end
			return said(m, "Nats-Num-Pending") != "0", nil
		}
		s, err := l.stored(m)
		if err != nil {
			return false, err
		}
		last = sequence
		receive(s)
	}
}

func (l *JetStream) stored(m *nats.Msg) (s stored, err error) {
	if s.sequence, err = strconv.ParseUint(said(m, jetstream.SequenceHeader), 10, 64); err != nil {
		return s, fmt.Errorf("%w: no sequence: %w", errIncomplete, err)
	}
	if s.Kept, err = time.Parse(time.RFC3339Nano, said(m, jetstream.TimeStampHeaer)); err != nil {
		return s, fmt.Errorf("%w: no time: %w", errIncomplete, err)
	}
	s.ID, s.Value = l.id(said(m, jetstream.SubjectHeader)), m.Data
	return s, nil
}

// said returns what the broker says in a header. It adds its headers after those
// that the entry was written with, which may have the same names.
func said(m *nats.Msg, header string) string {
	values := m.Header[header]
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// fromLeader sends a query for one entry, and returns nil when there is none.
func (l *JetStream) fromLeader(ctx context.Context, q query) (*stored, error) {
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Subject  string    `json:"subject"`
			Sequence uint64    `json:"seq"`
			Data     []byte    `json:"data"`
			Time     time.Time `json:"time"`
		} `json:"message"`
	}
	err := l.ask(ctx, "STREAM.MSG.GET", q, &answer)
	switch {
	case err != nil:
		return nil, err
	case answer.Error != nil && answer.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return nil, nil
	case answer.Error != nil:
		return nil, answer.Error
	}
	m := answer.Message
	return &stored{Entry{ID: l.id(m.Subject), Value: m.Data, Kept: m.Time}, m.Sequence}, nil
}

// ask sends one request to the leader and decodes its answer.
func (l *JetStream) ask(ctx context.Context, api string, request, answer any) error {
	var body []byte
	if request != nil {
		var err error
		if body, err = json.Marshal(request); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	m, err := l.conn.RequestWithContext(ctx, l.api(api), body)
	if err != nil {
		return err
	}
	return json.Unmarshal(m.Data, answer)
}

// repeat reads again until it succeeds, ctx ends, or the connection is closed.
func (l *JetStream) repeat(ctx context.Context, read func() error) error {
	for sayAt := time.Now().Add(sayAfter); ; {
		err := nats.ErrDisconnected
		if l.conn.IsConnected() { // else requests would pile up in the client's buffer
			err = read()
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("cannot read %s: %w", l.bucket, ctx.Err())
		case l.conn.IsClosed():
			return fmt.Errorf("cannot read %s: %w", l.bucket, nats.ErrConnectionClosed)
		case !l.conn.IsConnected(): // of which its owner tells
			sayAt = time.Now().Add(sayAfter)
		case time.Now().After(sayAt):
			sayAt = time.Now().Add(sayEvery)
			l.log.Warn().Err(explain(err)).Msg("cannot read yet; trying again")
		}
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
		}
	}
}

// explain adds to an error what a person can do about it.
func explain(err error) error {
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("the ledger is not there, or JetStream is not available: run setup: %w", err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer: the broker is busy, electing a leader, or a permission is missing: %w", err)
	}
	return err
}
