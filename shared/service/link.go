package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

const (
	// A broker that is back within firstLook of its loss, or of our start, is
	// not worth a line that says why it was lost.
	firstLook = time.Second
	// logEvery prevents an outage from flooding the log.
	logEvery = 10 * time.Second
)

// link is a connection and its state.
//
//	down ──── connected ────▶ up     while down, watch says why, now and then;
//	 │ ▲                      │ │    while up, reported says what goes wrong
//	 │ └──── disconnected ────┘ │
//	 └───▶ finished: closed ◀───┘    and that is for good
//
// The handlers are called by nats.go one after the other, in order.
type link struct {
	conn   *nats.Conn
	broker Broker
	lines  *throttle
	dialer *dialer
	end    context.CancelFunc // cuts the connection
	strict bool               // a broker that is too old ends the connection for good

	up     atomic.Bool   // as far as the handlers know; needs no lock of nats.go
	lost   chan struct{} // wakes watch
	closed chan struct{}
	reason error // why it was closed; to be read after closed is
	tooOld error // the broker; for the handlers

	watching sync.WaitGroup
}

func newLink(log zerolog.Logger, broker Broker) *link {
	return &link{
		broker: broker,
		lines:  newThrottle(log),
		lost:   make(chan struct{}, 1),
		closed: make(chan struct{}),
	}
}

// ready is nil while the connection is up.
func (l *link) ready() error {
	if !l.up.Load() {
		return errors.New("not connected to NATS")
	}
	return nil
}

// close flushes the connection until the deadline, and closes it.
func (l *link) close(deadline time.Time) {
	if left := time.Until(deadline); left > 0 && l.dialer.failure() == nil {
		// The only bound while a write hangs: the write holds a lock that each call needs.
		overdue := time.AfterFunc(left, l.end)
		var err error
		if l.conn.IsConnected() {
			err = l.conn.FlushTimeout(left)
		}
		if !overdue.Stop() || err != nil {
			l.lines.say(zerolog.ErrorLevel, "cannot flush the connection to NATS before the shutdown timeout; what was published last may be lost")
		}
	}
	l.end()
	l.conn.Close()
	<-l.closed // no handler runs after this
	l.watching.Wait()
}

func (l *link) connected(nc *nats.Conn) {
	if l.strict {
		if l.tooOld = CheckBroker(nc); l.tooOld != nil {
			l.end()
			return
		}
	}
	l.up.Store(true)
	if url := nc.ConnectedUrlRedacted(); url != "" { // not lost again, nor closed
		l.lines.say(zerolog.InfoLevel, "connected to NATS at "+url)
	}
}

func (l *link) disconnected(_ *nats.Conn, err error) {
	l.up.Store(false)
	if err == nil || l.dialer.ctx.Err() != nil {
		return // we close it ourselves
	}
	l.lines.say(zerolog.WarnLevel, "lost the connection to NATS; trying again", "error", err.Error())
	select {
	case l.lost <- struct{}{}:
	default:
	}
}

func (l *link) finished(nc *nats.Conn) {
	l.up.Store(false)
	l.reason = errors.New("the connection to NATS was closed for good")
	if err := cmp.Or(l.tooOld, nc.LastError()); err != nil {
		l.reason = fmt.Errorf("%w: %w", l.reason, err)
	}
	l.lines.flush()
	close(l.closed)
	l.end()
}

// credentials is called by nats.go at each attempt, with its lock held.
func (l *link) credentials() (user, password string) {
	password, err := l.broker.password()
	if err != nil {
		l.lines.say(zerolog.WarnLevel, err.Error()+"; it is read again at the next attempt")
	}
	return l.broker.User, password
}

// denied finds the operation and the subject that NATS has denied to a client.
var denied = regexp.MustCompile(`Permissions Violation for (Publish to|Subscription to|Publish with Reply of) "([^"]*)"`)

var denials = map[string]string{
	"Publish to":            "publish to",
	"Subscription to":       "subscribe to",
	"Publish with Reply of": "publish with a reply to",
}

// reported handles errors while the connection is up. They show nowhere else: a denied
// publish, for example, is only an answer that never comes.
func (l *link) reported(_ *nats.Conn, sub *nats.Subscription, err error) {
	if !l.up.Load() {
		return // a failed attempt to connect; watch says why
	}
	switch {
	case errors.Is(err, nats.ErrPermissionViolation):
		if what := denied.FindStringSubmatch(err.Error()); what != nil {
			l.lines.say(zerolog.ErrorLevel, fmt.Sprintf("NATS does not allow %s to %s %s", l.who(), denials[what[1]], what[2]))
			return
		}
		l.lines.say(zerolog.ErrorLevel, fmt.Sprintf("NATS does not allow %s something", l.who()), "error", err.Error())
	case errors.Is(err, nats.ErrSlowConsumer) && sub != nil:
		dropped, _ := sub.Dropped() // fails only when the subscription is gone
		l.lines.say(zerolog.WarnLevel, "messages of "+sub.Subject+" were dropped: they come faster than they are taken", "dropped", dropped)
	default:
		l.lines.say(zerolog.WarnLevel, "NATS reports an error", "error", err.Error())
	}
}

func (l *link) who() string {
	if l.broker.User == "" {
		return "a client without credentials"
	}
	return fmt.Sprintf("user %q", l.broker.User)
}

// watch logs why there is no connection, and how often lines were repeated.
func (l *link) watch(ctx context.Context) {
	period := time.NewTicker(logEvery)
	defer period.Stop()
	look := time.NewTimer(firstLook)
	defer look.Stop()
	for {
		select {
		case <-period.C:
			l.lines.flush()
		case <-l.lost:
			look.Reset(firstLook)
		case <-look.C:
			look.Reset(logEvery)
			if !l.up.Load() {
				l.explain()
			}
		case <-ctx.Done():
			return
		}
	}
}

// explain logs why the last attempt failed.
func (l *link) explain() {
	line := "still cannot reach NATS at " + l.broker.URL + "; trying again"
	err := l.conn.LastError() // of a handshake; a failed dial clears it
	if err == nil {
		err = l.dialer.failure()
	} else if errors.Is(err, nats.ErrAuthorization) {
		line = fmt.Sprintf("NATS at %s refuses the login of %s; trying again", l.broker.URL, l.who())
	}
	if l.up.Load() {
		return // meanwhile; asking for the error has to wait for an attempt
	}
	l.lines.log.Warn().Err(err).Msg(line)
}
