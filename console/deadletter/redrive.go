package deadletter

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

// ErrNotRedrivable is the error for a dead letter without the queue of its message. A dead
// letter determines where its body is published with the operator's permissions, so only
// a queue's own subject is accepted.
var ErrNotRedrivable = errors.New("the message of the dead letter was in no queue")

// IsRefusal reports whether an error of Redrive or Discard is about that dead letter
// or its queue, so that others may succeed.
func IsRefusal(err error) bool {
	var refused *jetstream.APIError
	return errors.Is(err, ErrNotRedrivable) || errors.Is(err, ErrExpired) || errors.Is(err, nats.ErrMaxPayload) || errors.As(err, &refused)
}

// subjects are where the messages of each queue are published.
var subjects = map[string]string{
	topology.Requests:  topology.SubjectRequest,
	topology.Responses: topology.SubjectResponse,
	topology.Receipts:  topology.SubjectReceipt,
}

// Redrive publishes the original message to its queue again, and removes the dead letter
// when that is confirmed. A redrive that is interrupted and repeated may publish the
// message twice; the ledgers make its effect happen once. Redrive therefore refuses, with
// ErrExpired, a message whose ledger entries may have expired. While the queue is full it
// fails, and the dead letter stays.
//
// Headers that did not fit into the dead letter (Message.Omitted), and those that the
// broker would obey (Nats-…), are not restored.
func (l *Queue) Redrive(ctx context.Context, letter Message) error {
	return l.redrive(ctx, letter, l.checkRetention)
}

// RedriveExpired is Redrive, also for a message whose ledger entries may have expired. Its
// effect may happen a second time.
func (l *Queue) RedriveExpired(ctx context.Context, letter Message) error {
	return l.redrive(ctx, letter, func(context.Context, Message) error { return nil })
}

func (l *Queue) redrive(ctx context.Context, letter Message, check func(context.Context, Message) error) error {
	m, err := letter.message()
	if err == nil {
		err = check(ctx, letter)
	}
	if err == nil {
		err = ask.Publish(ctx, l.js, letter.Queue, m)
	}
	if err != nil {
		return fmt.Errorf("cannot redrive dead letter %s: %w", letter.ID, err)
	}
	return l.Discard(ctx, letter)
}

// message is the message that was dead-lettered, ready to be published.
//
// Nothing is added to it, not even a message ID for deduplication: a message that just
// fits its queue would no longer fit. Nor would such an ID prove that the message stored
// under it is this one.
func (l Message) message() (*nats.Msg, error) {
	subject, ok := subjects[l.Queue]
	if !ok || l.Subject != subject {
		return nil, fmt.Errorf("%w: its subject is for %.64q, but its message's subject is %.64q", ErrNotRedrivable, l.Queue, l.Subject)
	}
	m := nats.NewMsg(subject)
	m.Data = l.Body
	for name, values := range l.Header {
		if !strings.HasPrefix(strings.ToLower(name), "nats-") { // those are commands to the broker, for the first publish
			m.Header[name] = values
		}
	}
	return m, nil
}

// Discard removes a dead letter for good. It returns no error if the dead letter no longer
// exists.
//
// The broker removes by sequence. Immediately before each attempt, Discard therefore
// compares the stored message with the dead letter.
func (l *Queue) Discard(ctx context.Context, letter Message) error {
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
