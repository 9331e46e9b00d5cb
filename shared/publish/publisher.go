package publish

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

const (
	// atOnce is how many messages of one call are sent before their answers
	// have come: enough that round trips do not matter, and below what the broker
	// takes for an atomic batch (1000) or queues for a stream (10,000).
	atOnce = 1000
	// confirmWithin is how long an attempt waits without an answer coming. A
	// broker that is alive confirms within milliseconds; a replicated one that
	// elects a leader needs seconds.
	confirmWithin = 5 * time.Second

	firstPause = 20 * time.Millisecond
	maxPause   = time.Second

	// sayAfter is how long a trouble must last to be worth a line: a broker
	// that starts, or elects a leader, refuses for a moment.
	sayAfter = time.Second
	// sayEvery keeps an outage from flooding the log.
	sayEvery = 10 * time.Second
)

// Publisher publishes over one connection. It may be used concurrently.
type Publisher struct {
	conn          *nats.Conn
	log           zerolog.Logger
	answers       *answers
	confirmWithin time.Duration
	disabled      sync.Map // streams that take no atomic batches, and since when that is known
}

// New returns a Publisher over conn, which stays the caller's to close.
func New(conn *nats.Conn, log zerolog.Logger) (*Publisher, error) {
	return newPublisher(conn, log, confirmWithin)
}

func newPublisher(conn *nats.Conn, log zerolog.Logger, confirmWithin time.Duration) (*Publisher, error) {
	answers, err := newAnswers(conn)
	if err != nil {
		return nil, fmt.Errorf("cannot receive confirmations: %w", err)
	}
	return &Publisher{conn: conn, log: log, answers: answers, confirmWithin: confirmWithin}, nil
}

// Publish returns when the broker has confirmed or refused each message. Where
// they go to is told by their subjects; the name of the stream, if they all go
// to one, lets them go as a batch where that is faster.
//
// The map says which were refused, by their index, and why: ErrExists,
// ErrTooLarge or ErrInvalid; it is nil when all were confirmed. The error is
// for the call as a whole: ctx ended, or the connection was closed, with
// messages of which nobody knows whether the broker has them. Publish those
// again under the same conditions, or leave it to whoever redelivers the work.
//
// The messages belong to Publish until it returns.
func (p *Publisher) Publish(ctx context.Context, stream string, messages []*nats.Msg) (map[int]error, error) {
	var refused map[int]error
	refuse := func(i int, err error) {
		if refused == nil {
			refused = make(map[int]error)
		}
		refused[i] = err
	}
	for from := 0; from < len(messages); from += atOnce {
		part := messages[from:min(from+atOnce, len(messages))]
		open, err := p.settle(ctx, stream, part, func(i int, err error) { refuse(from+i, err) })
		if err != nil {
			return refused, fmt.Errorf("cannot publish to %s: %d of %d messages are not confirmed: %w",
				part[open[0]].Subject, len(open)+len(messages)-from-len(part), len(messages), err)
		}
	}
	return refused, nil
}

// settle attempts to publish until each message is confirmed or refused. With
// an error it returns the indexes of those that are neither.
func (p *Publisher) settle(ctx context.Context, stream string, messages []*nats.Msg, refuse func(int, error)) (open []int, err error) {
	open = make([]int, len(messages))
	for i := range open {
		open[i] = i
	}
	pause, sayAt := firstPause, time.Now().Add(sayAfter)
	for first := true; ; first = false {
		if !p.conn.IsConnected() {
			if err := p.AwaitConnection(ctx); err != nil {
				return open, err
			}
			sayAt = time.Now().Add(sayAfter)
		}
		if ctx.Err() != nil {
			return open, ctx.Err()
		}
		if first && stream != "" && len(messages) > 1 {
			if p.asOne(ctx, stream, messages) {
				return nil, nil
			}
			if ctx.Err() != nil || !p.conn.IsConnected() {
				continue
			}
		}
		var trouble error
		if open, trouble = p.attempt(ctx, messages, open, refuse); len(open) == 0 {
			return nil, nil
		}
		if now := time.Now(); now.After(sayAt) && p.conn.IsConnected() && ctx.Err() == nil {
			sayAt = now.Add(sayEvery)
			p.log.Warn().Err(explain(trouble)).Str("subject", messages[open[0]].Subject).
				Int("messages", len(open)).Msg("cannot publish yet; trying again")
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, maxPause)
	}
}

// asOne publishes messages in the way that costs least, and says whether all are
// stored.
func (p *Publisher) asOne(ctx context.Context, stream string, messages []*nats.Msg) bool {
	if len(messages) >= worthABatch && p.takesBatches(stream) {
		return p.batch(ctx, stream, messages)
	}
	return p.together(ctx, messages)
}

// attempt sends what is open once and waits for the answers. It returns what is
// still open, with the last reason.
func (p *Publisher) attempt(ctx context.Context, messages []*nats.Msg, open []int, refuse func(int, error)) (still []int, trouble error) {
	c, end := p.begin(len(open))
	defer end()
	for k, i := range open {
		if err := p.send(messages[i], c.reply(k)); err != nil {
			c.answer(k, err)
		}
	}
	ended := p.await(ctx, c)
	for k, i := range open {
		err := c.verdict(k)
		if err == nil {
			continue
		}
		if refusal := refusal(err); refusal != nil {
			refuse(i, refusal)
			continue
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
	return p.conn.PublishMsg(&nats.Msg{Subject: m.Subject, Reply: reply, Header: m.Header, Data: m.Data})
}

// begin is to be called before anything is sent that n answers are awaited for.
func (p *Publisher) begin(n int) (c *call, end func()) {
	c = p.answers.open(n)
	c.broken = p.conn.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	return c, func() {
		p.conn.RemoveStatusListener(c.broken)
		p.answers.close(c)
	}
}

// await returns nil when all answers are there; otherwise why no more are
// waited for.
func (p *Publisher) await(ctx context.Context, c *call) error {
	patience := time.NewTimer(p.confirmWithin)
	defer patience.Stop()
	for left := c.unanswered(); ; {
		select {
		case <-c.answered:
			return nil
		case <-c.broken: // what the broker answered over that connection is lost
			return nats.ErrDisconnected
		case <-ctx.Done():
			return ctx.Err()
		case <-patience.C:
			now := c.unanswered()
			if now == left {
				return errUnanswered
			}
			left = now
			patience.Reset(p.confirmWithin)
		}
	}
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
