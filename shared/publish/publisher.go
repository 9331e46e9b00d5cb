package publish

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/shared/retry"
)

const (
	// atOnce is how many messages of one call are sent before their answers arrive:
	// enough that round trips do not matter, and no more than the broker accepts in
	// an atomic batch (1000) or queues for a stream (10,000).
	atOnce = 1000
	// confirmWithin is how long an attempt waits for the next answer. A live broker
	// confirms within milliseconds; a replicated one that elects a leader needs
	// seconds.
	confirmWithin = 5 * time.Second

	firstPause = 20 * time.Millisecond
	maxPause   = time.Second
)

// Publisher publishes over one connection. It may be used concurrently.
type Publisher struct {
	conn          *nats.Conn
	log           *slog.Logger
	confirmWithin time.Duration
	disabled      sync.Map // streams that take no atomic batches, and since when that is known
	troubled      sync.Map // streams whose last call met trouble, with the name of the stream that answered instead, or ""

	mu      sync.Mutex
	inboxes []*inbox // that no call has
}

// New returns a Publisher over conn, which stays the caller's to close.
func New(conn *nats.Conn, log *slog.Logger) (*Publisher, error) {
	return newPublisher(conn, log, confirmWithin)
}

func newPublisher(conn *nats.Conn, log *slog.Logger, confirmWithin time.Duration) (*Publisher, error) {
	p := &Publisher{conn: conn, log: log, confirmWithin: confirmWithin}
	first, err := p.takeInbox()
	if err != nil {
		return nil, fmt.Errorf("cannot receive confirmations: %w", err)
	}
	p.returnInbox(first)
	return p, nil
}

// Publish returns when the stream has confirmed or refused each message. The
// messages must all have a subject of that stream. A confirmation by any other
// stream, whose subjects overlap, does not count: the message is sent again, now
// with the header that keeps other streams from storing it.
//
// The map holds the refused messages by their index, with the reason: ErrExists,
// ErrTooLarge, ErrInvalid or ErrDuplicate; it is nil when all were confirmed. The
// error is for the call as a whole: ctx ended, or the connection was closed, with
// messages left that may or may not be stored. It unwraps to ErrUnavailable and
// to ctx's error or nats.ErrConnectionClosed. Publish those again under the same
// conditions, or leave it to the redelivery of the work.
//
// The messages belong to Publish until it returns.
func (p *Publisher) Publish(ctx context.Context, stream string, messages []*nats.Msg) (map[int]error, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	in, err := p.takeInbox()
	if err != nil { // the connection is closed
		return nil, fmt.Errorf("cannot publish to %s: %w: %w", messages[0].Subject, ErrUnavailable, err)
	}
	defer p.returnInbox(in)
	var refused map[int]error
	refuse := func(i int, err error) {
		if refused == nil {
			refused = make(map[int]error)
		}
		refused[i] = err
	}
	for from := 0; from < len(messages); from += atOnce {
		part := messages[from:min(from+atOnce, len(messages))]
		open, err := p.settle(ctx, in, stream, part, func(i int, err error) { refuse(from+i, err) })
		if err != nil {
			return refused, fmt.Errorf("cannot publish to %s: %d of %d messages are not confirmed: %w: %w",
				part[open[0]].Subject, len(open)+len(messages)-from-len(part), len(messages), ErrUnavailable, err)
		}
	}
	return refused, nil
}

// settle attempts to publish until each message is confirmed or refused. With
// an error it returns the indexes of those that are neither.
func (p *Publisher) settle(ctx context.Context, in *inbox, stream string, messages []*nats.Msg, refuse func(int, error)) (open []int, err error) {
	open = make([]int, len(messages))
	for i := range open {
		open[i] = i
	}
	var trouble error
	var lasting retry.Problem
	pause := firstPause
	for first := true; ; first = false {
		if !p.conn.IsConnected() {
			if err := p.AwaitConnection(ctx); err != nil {
				return open, err
			}
			lasting.Over()
		}
		if ctx.Err() != nil {
			return open, because(ctx.Err(), trouble)
		}
		if first && len(messages) > 1 {
			if p.asOne(ctx, in, stream, messages) {
				return nil, nil
			}
			if ctx.Err() != nil || !p.conn.IsConnected() {
				continue
			}
		}
		if open, trouble = p.attempt(ctx, in, stream, messages, open, refuse); len(open) == 0 {
			if first {
				p.troubled.Delete(stream)
			}
			return nil, nil
		}
		if p.conn.IsConnected() && ctx.Err() == nil && lasting.Due() {
			p.log.Warn("cannot publish yet; trying again", "error", explain(trouble), "subject", messages[open[0]].Subject, "messages", len(open))
		}
		_ = retry.Wait(ctx, pause) // what ended it is looked at next
		pause = min(2*pause, maxPause)
	}
}

// because adds the last problem to the error of an ended context.
func because(ended, trouble error) error {
	if trouble == nil || errors.Is(trouble, ended) {
		return ended
	}
	return fmt.Errorf("%w (%w)", ended, explain(trouble))
}

// asOne publishes messages in the cheapest way, and reports whether all are stored.
func (p *Publisher) asOne(ctx context.Context, in *inbox, stream string, messages []*nats.Msg) bool {
	_, troubled := p.troubled.Load(stream)
	switch {
	case len(messages) >= worthABatch && p.takesBatches(stream) && p.otherStream(stream) == "":
		return p.batch(ctx, in, stream, messages)
	case troubled:
		// When only some of the messages are stored, as in a queue that is nearly
		// full, all are sent again. That must not happen with every call.
		return false
	case p.together(ctx, in, stream, messages):
		return true
	}
	p.troubled.LoadOrStore(stream, "")
	return false
}

// attempt sends what is open once and waits for the answers. It returns what is
// still open, with the last reason.
func (p *Publisher) attempt(ctx context.Context, in *inbox, stream string, messages []*nats.Msg, open []int, refuse func(int, error)) (still []int, trouble error) {
	c := in.begin(stream, len(open), len(open))
	other := p.otherStream(stream)
	for k, i := range open {
		m := messages[i]
		if other != "" {
			m = expecting(m, stream)
		}
		if err := p.send(m, c.reply(k)); err != nil {
			c.answer(k, err)
		}
	}
	ended := c.await(ctx, p.confirmWithin)
	for k, i := range open {
		err := c.verdicts[k]
		switch {
		case err == nil:
			if other != "" { // the overlap is gone
				p.troubled.Store(stream, "")
			}
			continue
		case p.note(stream, err):
		case other != "" && isNotMatch(err) && len(messages[i].Header[jetstream.ExpectedStreamHeader]) == 0:
			err = &otherStreamError{other, stream}
		default:
			if refusal := refusal(err); refusal != nil {
				refuse(i, refusal)
				continue
			}
		}
		still, trouble = append(still, i), err
	}
	if ended != nil {
		trouble = ended
	}
	return still, trouble
}

func (p *Publisher) send(m *nats.Msg, reply string) error {
	if m.Reply != "" {
		return errReply
	}
	m.Reply = reply
	defer func() { m.Reply = "" }()
	return p.conn.PublishMsg(m)
}

// AwaitConnection returns when there is a connection; with an error if ctx ends
// before, or the connection is closed.
//
// It keeps attempts out of the client's reconnect buffer, where they would pile
// up during an outage and all be sent after it.
func (p *Publisher) AwaitConnection(ctx context.Context) error {
	changed := p.conn.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer p.conn.RemoveStatusListener(changed)
	for !p.conn.IsConnected() { // it may have come back before we listened
		if p.conn.IsClosed() {
			return nats.ErrConnectionClosed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
