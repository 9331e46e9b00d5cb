package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

const (
	// maxPending is above anything the batches of one process can have
	// unconfirmed together; at the library's limit a publish stalls.
	maxPending = 1 << 15
	// confirmWithin is how long one attempt waits. A broker that is alive
	// confirms within milliseconds; a replicated one that elects a leader
	// needs seconds.
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
	js            jetstream.JetStream
	log           zerolog.Logger
	confirmWithin time.Duration
}

// New returns a Publisher over conn, which stays the caller's to close.
func New(conn *nats.Conn, log zerolog.Logger) (*Publisher, error) {
	return newPublisher(conn, log, confirmWithin)
}

func newPublisher(conn *nats.Conn, log zerolog.Logger, confirmWithin time.Duration) (*Publisher, error) {
	js, err := jetstream.New(conn,
		jetstream.WithPublishAsyncMaxPending(maxPending),
		jetstream.WithPublishAsyncTimeout(confirmWithin))
	if err != nil {
		return nil, fmt.Errorf("cannot use JetStream: %w", err)
	}
	return &Publisher{conn: conn, js: js, log: log, confirmWithin: confirmWithin}, nil
}

// Publish returns when the broker has confirmed or refused each message.
//
// The map says which were refused, by their index, and why: ErrExists,
// ErrTooLarge or ErrInvalid; it is nil when all were confirmed. The error is
// for the call as a whole: ctx ended, or the connection was closed, with
// messages of which nobody knows whether the broker has them. Publish those
// again under the same conditions, or leave it to whoever redelivers the work.
//
// The messages belong to Publish until it returns.
func (p *Publisher) Publish(ctx context.Context, messages []*nats.Msg) (map[int]error, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	var (
		refused map[int]error
		open    = make([]int, len(messages)) // indexes of what is not settled yet
		pause   = firstPause
		sayAt   = time.Now().Add(sayAfter)
	)
	for i := range open {
		open[i] = i
	}
	// The short way first. What it leaves open goes one by one.
	if len(messages) > 1 && p.conn.IsConnected() && ctx.Err() == nil {
		if open = open[p.batch(ctx, messages):]; len(open) == 0 {
			return nil, nil
		}
	}
	for {
		if !p.conn.IsConnected() {
			if err := p.awaitConnection(ctx); err != nil {
				return refused, unconfirmed(messages, open, err)
			}
			sayAt = time.Now().Add(sayAfter)
		}
		if ctx.Err() != nil {
			return refused, unconfirmed(messages, open, ctx.Err())
		}
		var trouble error
		open, trouble = p.attempt(ctx, messages, open, func(i int, err error) {
			if refused == nil {
				refused = make(map[int]error)
			}
			refused[i] = err
		})
		if len(open) == 0 {
			return refused, nil
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

// attempt sends what is open once and waits for the answers. It returns what is
// still open, with the last reason.
func (p *Publisher) attempt(ctx context.Context, messages []*nats.Msg, open []int, refuse func(int, error)) (still []int, trouble error) {
	settle := func(i int, err error) {
		if refusal := refusal(err); refusal != nil {
			refuse(i, refusal)
			return
		}
		still, trouble = append(still, i), err
	}
	// The library would leave what is unconfirmed to time out.
	closed := p.conn.StatusChanged(nats.CLOSED)
	defer p.conn.RemoveStatusListener(closed)

	futures := make([]jetstream.PubAckFuture, len(open))
	for k, i := range open {
		// The library's own retry would use the message after we have returned.
		future, err := p.js.PublishMsgAsync(messages[i], jetstream.WithRetryAttempts(0))
		if errors.Is(err, jetstream.ErrTooManyStalledMsgs) {
			// Nothing was confirmed for a while. To try each of the rest would
			// take as long each, and not notice that ctx has ended.
			still, trouble = append(still, open[k:]...), err
			break
		}
		if err != nil {
			settle(i, err)
			continue
		}
		futures[k] = future
	}
	var gaveUp error // then only what has its answer already counts
	for k, i := range open {
		if futures[k] == nil {
			continue
		}
		if gaveUp == nil {
			select {
			case <-futures[k].Ok():
				continue
			case err := <-futures[k].Err():
				settle(i, err)
				continue
			case <-ctx.Done():
				gaveUp = ctx.Err()
			case <-closed:
				gaveUp = nats.ErrConnectionClosed
			}
		}
		select {
		case <-futures[k].Ok():
		case err := <-futures[k].Err():
			settle(i, err)
		default:
			settle(i, gaveUp)
		}
	}
	return still, trouble
}

// awaitConnection keeps attempts out of the client's reconnect buffer, where
// they would pile up during an outage and all be sent after it.
func (p *Publisher) awaitConnection(ctx context.Context) error {
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

func unconfirmed(messages []*nats.Msg, open []int, err error) error {
	return fmt.Errorf("cannot publish to %s: %d of %d messages are not confirmed: %w",
		messages[open[0]].Subject, len(open), len(messages), err)
}
