package ledger

import (
	"context"
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/shared/direct"
)

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

func (l *JetStream) stored(m direct.Message) stored {
	return stored{Entry{ID: l.id(m.Subject), Value: m.Data, Stored: m.Time}, m.Sequence}
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
	return &stored{Entry{ID: l.id(m.Subject), Value: m.Data, Stored: m.Time}, m.Sequence}, nil
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
	var m *nats.Msg
	err := l.attempt(ctx, l.api(api), func(ctx context.Context) (err error) {
		m, err = l.conn.RequestWithContext(ctx, l.api(api), body)
		return err
	})
	if err != nil {
		return err
	}
	return json.Unmarshal(m.Data, answer)
}
