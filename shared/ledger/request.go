package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/shared/direct"
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

// errUnreadable: an entry is not one that a ledger writes.
var errUnreadable = errors.New("an entry with headers that cannot be read")

// query is a request for one message of the bucket's stream.
type query struct {
	Sequence uint64 `json:"seq,omitempty"`          // from this one on,
	Next     string `json:"next_by_subj,omitempty"` // the next of a subject;
	LastOne  string `json:"last_by_subj,omitempty"` // or the last one of it
}

// stored is an entry and its place in the stream.
type stored struct {
	Entry
	sequence uint64
}

// fromAnyReplica returns many entries, also with an error, and says whether
// there are more that did not fit.
func (l *JetStream) fromAnyReplica(ctx context.Context, q direct.Query) (entries []stored, more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	q.MaxBytes = maxBytes
	messages, more, err := direct.Get(ctx, l.conn, "KV_"+l.bucket, q)
	entries = make([]stored, len(messages))
	for i, m := range messages {
		if m.Sequence == 0 {
			return entries[:i], false, errUnreadable
		}
		entries[i] = stored{Entry{ID: l.id(m.Subject), Value: m.Data, Kept: m.Time}, m.Sequence}
	}
	return entries, more, err
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
