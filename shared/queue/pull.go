package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"decoupled.example/shared/retry"
)

const (
	heartbeat = 5 * time.Second
	expires   = 30 * time.Second
	// gap is how long nothing may come in the middle of a batch. The broker
	// sends a batch as a whole, so a gap means that the rest is lost.
	gap = time.Second
	// maxBytes bounds what one request brings, and with it the memory a loop needs.
	// The broker cuts the connection of a client that is far behind in receiving: a batch
	// of large messages would come again and again, and never as a whole.
	maxBytes = 8 << 20

	shortestPause = 5 * time.Millisecond
	longestPause  = time.Second
)

// errNotThere: there is no answer for the consumer.
var errNotThere = errors.New("the queue or its consumer is not there")

// puller asks for messages, batch by batch. It is for one goroutine.
//
// It does not use the client library's Fetch and Consume, because a one-shot
// pull request fits better: {batch, no_wait, expires} is answered at once with
// what is there, else with the first messages that arrive, and is then over.
// Fetch would wait for the batch to fill; Consume would prefetch, and what one
// replica has prefetched no other can do.
//
// All requests answer to one long-lived subscription, so whatever is delivered,
// even late, for a request given up long ago, is received here and handled.
type puller struct {
	conn       *nats.Conn
	log        *slog.Logger
	subject    string                      // where requests go
	inbox      string                      // where answers come: <inbox>.<number of the request>
	ready      func(context.Context) error // called before each request; an error ends next
	limits     *limits
	request    int
	sub        *nats.Subscription
	in         chan *nats.Msg
	changed    chan nats.Status
	pause      time.Duration // before the next request, should this one be turned down
	turnedDown retry.Problem
}

func newPuller(conn *nats.Conn, log *slog.Logger, limits *limits, stream, consumer string) (*puller, error) {
	p := &puller{
		conn:    conn,
		log:     log,
		limits:  limits,
		ready:   func(context.Context) error { return nil },
		subject: fmt.Sprintf("$JS.API.CONSUMER.MSG.NEXT.%s.%s", stream, consumer),
		inbox:   conn.NewInbox(),
		// Room for some batches, as the library drops what does not fit.
		in:    make(chan *nats.Msg, 8*maxBatch),
		pause: shortestPause,
	}
	var err error
	if p.sub, err = conn.ChanSubscribe(p.inbox+".*", p.in); err != nil {
		return nil, err
	}
	p.changed = conn.StatusChanged(nats.CONNECTED, nats.RECONNECTING, nats.CLOSED)
	return p, nil
}

// next returns what is there, at most n, or waits for the first to arrive. It
// returns nothing only with an error: ctx ended, the connection was closed, the
// error of ready, errNotThere or errRenewed. Messages may come with an error too.
func (p *puller) next(ctx context.Context, n int) ([]*nats.Msg, error) {
	for {
		if ctx.Err() != nil { // whatever is asked for now would only be handed back
			return nil, ctx.Err()
		}
		if late := p.arrived(n); len(late) > 0 {
			return late, nil
		}
		asked := time.Now()
		sent := p.limits.apply(n, max(maxBytes, 2*int(p.conn.MaxPayload()))) // any message fits, with its headers
		if err := p.ask(ctx, sent); err != nil {
			return nil, err
		}
		batch, err := p.collect(ctx, sent)
		if len(batch) > 0 {
			p.pause = shortestPause
			return batch, err
		}
		switch {
		case errors.Is(err, errLimited):
			continue
		case time.Since(asked) >= longestPause:
			p.pause = shortestPause
		default:
			// A request that ended soon and with nothing was turned down. Asking
			// on without a pause would keep a core and the broker busy.
			_ = retry.Wait(ctx, p.pause)
			p.pause = min(2*p.pause, longestPause)
		}
		if err != nil {
			return nil, err
		}
	}
}

// ask opens a request, once there is a connection to send it over.
func (p *puller) ask(ctx context.Context, r pullRequest) error {
	for len(p.changed) > 0 { // what changed before says nothing about this request
		<-p.changed
	}
	for !p.conn.IsConnected() {
		if p.conn.IsClosed() {
			return nats.ErrConnectionClosed
		}
		select {
		case <-p.changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := p.ready(ctx); err != nil {
		return err
	}
	p.request++
	body := fmt.Appendf(nil, `{"batch":%d,"max_bytes":%d,"no_wait":true,"expires":%d,"idle_heartbeat":%d}`,
		r.batch, r.bytes, r.expires, r.heartbeat)
	if err := p.conn.PublishRequest(p.subject, p.answers(), body); errors.Is(err, nats.ErrConnectionClosed) {
		return err
	}
	return nil // any other failure shows as silence
}

func (p *puller) answers() string { return fmt.Sprintf("%s.%d", p.inbox, p.request) }

// collect receives what the open request brings, until it is over.
func (p *puller) collect(ctx context.Context, r pullRequest) ([]*nats.Msg, error) {
	var batch []*nats.Msg
	n, missed := r.batch, 2*r.heartbeat // how long nothing may come while the request is open
	silence := time.NewTimer(missed)
	defer silence.Stop()
	answers := p.answers()
	for {
		select {
		case m := <-p.in:
			status := m.Header.Get("Status")
			switch {
			case isDelivery(m):
				if batch = append(batch, m); len(batch) >= n {
					return batch, nil
				}
				silence.Reset(gap)
			case m.Subject != answers: // the end of an earlier request
			case status == "100": // a heartbeat
				silence.Reset(missed)
			case status == "503":
				return batch, errNotThere
			case status == "409" && strings.Contains(m.Header.Get("Description"), "Consumer Deleted"):
				return batch, errRenewed
			case status == "409" && p.limits.learn(m.Header.Get("Description")):
				return batch, errLimited
			default: // this request is over, except for what is still on its way
				p.warn(status, m.Header.Get("Description"))
				if n = sent(m, n); len(batch) >= n {
					return batch, nil
				}
				silence.Reset(gap)
			}
		case <-p.changed: // what was asked for over the old connection does not come
			return batch, nil
		case <-silence.C:
			return batch, nil
		case <-ctx.Done():
			return batch, ctx.Err()
		}
	}
}

// sent is how many messages the broker has sent for a request for n, by what it
// says at its end. On a cluster that may overtake them, as each is sent only when
// its delivery is replicated.
func sent(end *nats.Msg, n int) int {
	rest, err := strconv.Atoi(end.Header.Get("Nats-Pending-Messages"))
	if err != nil { // an end that comes after the messages, or instead of them
		return 0
	}
	return n - rest
}

// warn logs when requests are turned down again and again for a reason that only
// an operator can change, such as the consumer's kind.
func (p *puller) warn(status, description string) {
	lasting := p.pause == longestPause && status != "404" && status != "408"
	if lasting && p.turnedDown.Due() {
		p.log.Warn("the broker turns down requests for messages; trying again", "status", status, "description", description)
	}
}

// arrived returns what is here already, at most n: answers to a request that
// was given up too early.
func (p *puller) arrived(n int) []*nats.Msg {
	var batch []*nats.Msg
	for len(batch) < n {
		select {
		case m := <-p.in:
			if isDelivery(m) {
				batch = append(batch, m)
			}
		default:
			return batch
		}
	}
	return batch
}

// stop ends the subscription and returns what had been delivered by then, so that
// it can be handed back at once. Without flush, which waits for the broker, that
// leaves out what is on its way.
func (p *puller) stop(flush func()) []*nats.Msg {
	defer p.conn.RemoveStatusListener(p.changed)
	// Unsubscribe would drop what is on its way. Drain tells the broker first;
	// once it has answered the flush, nothing more can come.
	if err := p.sub.Drain(); err == nil && flush != nil {
		flush()
	}
	return p.arrived(cap(p.in))
}

// isDelivery tells a message of the queue from a word of the broker. Not the
// status header tells, which a hostile message may carry too, but where to
// acknowledge it.
func isDelivery(m *nats.Msg) bool { return strings.HasPrefix(m.Reply, "$JS.ACK.") }
