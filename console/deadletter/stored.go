package deadletter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/shared/topology"
)

// stored is a message of a stream, as the broker describes it.
type stored struct {
	Subject  string    `json:"subject"`
	Sequence uint64    `json:"seq"`
	Header   []byte    `json:"hdrs"`
	Body     []byte    `json:"data"`
	Time     time.Time `json:"time"`
}

// query is which message is wanted.
type query struct {
	Sequence uint64 `json:"seq,omitempty"`          // this one,
	Next     string `json:"next_by_subj,omitempty"` // or with this the first of a subject from there on;
	Last     string `json:"last_by_subj,omitempty"` // or the last of a subject
}

// get returns a dead letter, or nil when there is none.
func (l *Queue) get(ctx context.Context, q query) (*stored, error) {
	return l.from(ctx, topology.DeadLetters, q)
}

// from returns a message of a stream, or nil when there is none.
//
// The client library's GetMsg would read from any replica, and one that lags
// behind does not have a letter that was just written. It would also take the
// stored headers for the broker's: a letter could claim another sequence and
// subject, or to be none.
func (l *Queue) from(ctx context.Context, stream string, q query) (*stored, error) {
	if q == (query{}) { // no letter has the number 0
		return nil, nil
	}
	request, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message *stored             `json:"message"`
	}
	err = l.ask(ctx, func(ctx context.Context) error {
		m, err := l.js.Conn().RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, request)
		if err != nil {
			return err
		}
		answer.Error, answer.Message = nil, nil
		if err := json.Unmarshal(m.Data, &answer); err != nil {
			return err
		}
		if answer.Error != nil {
			return answer.Error
		}
		return nil
	})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	return answer.Message, err
}

func (s stored) header() (nats.Header, error) {
	if len(s.Header) == 0 {
		return nats.Header{}, nil
	}
	header, err := nats.DecodeHeadersMsg(s.Header)
	if err != nil {
		return nil, fmt.Errorf("cannot read the headers of the dead letter: %w", err)
	}
	return header, nil
}
