package letters

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/internal/ask"
	"decoupled.example/shared/topology"
)

// ErrNotRedrivable is the error for a letter that does not say which queue its
// message was in. A letter decides where its body is published, with the rights
// of the operator, so only a queue's own subject will do.
var ErrNotRedrivable = errors.New("the letter's message was in no queue")

// subjects are where the messages of each queue are published.
var subjects = map[string]string{
	topology.Requests:  topology.SubjectRequest,
	topology.Responses: topology.SubjectResponse,
	topology.Receipts:  topology.SubjectReceipt,
}

// Redrive publishes the letter's message again where it was, and when that is
// confirmed removes the letter. Interrupted and repeated it may publish twice:
// the ledgers see to it that the effect is the same as of once. While the queue
// is full it fails, and the letter stays.
func (l *Letters) Redrive(ctx context.Context, letter Letter) error {
	m, err := letter.message()
	if err != nil {
		return fmt.Errorf("cannot redrive dead letter %s: %w", letter.ID, err)
	}
	if err := ask.Publish(ctx, l.js, letter.Queue, m); err != nil {
		return fmt.Errorf("cannot redrive dead letter %s: %w", letter.ID, err)
	}
	return l.Discard(ctx, letter)
}

// message is what was set aside, ready to be published.
func (l Letter) message() (*nats.Msg, error) {
	subject, ok := subjects[l.Queue]
	if !ok || l.Subject != subject {
		return nil, fmt.Errorf("%w: its subject says %.64q, and its message's subject %.64q", ErrNotRedrivable, l.Queue, l.Subject)
	}
	m := nats.NewMsg(subject)
	m.Data = l.Body
	for name, values := range l.Header {
		if !strings.HasPrefix(strings.ToLower(name), "nats-") { // those are words to the broker, and were not for this publish
			m.Header[name] = values
		}
	}
	// The same at each attempt, so that the queue stores one; and no other
	// letter's, not even one that had this number before the stream was made anew.
	m.Header.Set(jetstream.MsgIDHeader, fmt.Sprintf("redrive.%d.%d", l.Sequence, l.SetAside.UnixNano()))
	return m, nil
}

// Discard removes a dead letter for good. It is no error when that is gone already.
//
// The broker removes by sequence. Right before that, each time that it is tried,
// what is there is compared with the letter that is meant.
func (l *Letters) Discard(ctx context.Context, letter Letter) error {
	err := l.ask(ctx, func(ctx context.Context) error {
		s, err := l.get(ctx, query{Sequence: letter.Sequence})
		if err != nil || s == nil || s.id() != letter.ID {
			return err
		}
		return l.stream.DeleteMsg(ctx, letter.Sequence)
	})
	if errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) {
		// The broker has several words for a message that is not there.
		if s, failed := l.get(ctx, query{Sequence: letter.Sequence}); s == nil && failed == nil {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("cannot remove dead letter %s: %w", letter.ID, err)
	}
	return nil
}
