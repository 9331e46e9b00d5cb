package service

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

const (
	// A service continues within two seconds of the broker's return. The jitter
	// prevents a whole fleet from reconnecting in the same moment.
	reconnectWait   = 250 * time.Millisecond
	reconnectJitter = 250 * time.Millisecond
	// attemptWithin bounds the dial, and then the handshake, of one attempt.
	attemptWithin = 2 * time.Second
	// A peer that died without a goodbye is found after 10 to 15 s.
	pingEvery  = 5 * time.Second
	pingsUnmet = 2
)

// Connect connects a program to NATS, and reconnects until the caller closes the
// connection or ctx ends. When ctx ends, the connection is cut at once, and what is not
// flushed is lost. An unreachable NATS is no error: the connection is returned, messages
// published meanwhile are buffered, and the log reports now and then why it still
// fails. An error means that the settings can never work, or that the broker is too
// old. CheckBroker reports a broker that is replaced by an older one later.
//
// The name identifies the program to the broker, and makes the prefix of its
// inboxes, _INBOX_<name>: one per program, not per replica, so that a user of
// the broker can be limited to it. Dots and characters that no subject can hold are
// escaped as in a URL: _INBOX_jane%2Edoe.
func Connect(ctx context.Context, log zerolog.Logger, broker Broker, name string) (*nats.Conn, error) {
	l := newLink(log, broker)
	if err := l.connect(ctx, name); err != nil {
		return nil, err
	}
	return l.conn, nil
}

func (l *link) connect(ctx context.Context, name string) error {
	servers, err := l.broker.servers()
	if err != nil {
		return fmt.Errorf("cannot connect to NATS: %w", err)
	}
	ctx, l.end = context.WithCancel(ctx)
	l.dialer = newDialer(ctx)
	options := []nats.Option{
		nats.Name(name),
		nats.CustomInboxPrefix(inbox(name)),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		// Without it two refused logins in a row close the connection for good.
		nats.IgnoreAuthErrorAbort(),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		nats.Timeout(attemptWithin),
		nats.PingInterval(pingEvery),
		nats.MaxPingsOutstanding(pingsUnmet),
		nats.SetCustomDialer(l.dialer),
		nats.SkipHostLookup(), // the dialer does it
		nats.ConnectHandler(l.connected),
		nats.ReconnectHandler(l.connected),
		nats.DisconnectErrHandler(l.disconnected),
		nats.ClosedHandler(l.finished),
		nats.ErrorHandler(l.reported),
	}
	if l.broker.User != "" {
		options = append(options, nats.UserInfoHandler(l.credentials))
	}
	if l.broker.CA != "" {
		options = append(options, nats.RootCAs(l.broker.CA)) // also read at each connect
	}
	l.conn, err = nats.Connect(strings.Join(servers, ","), options...)
	if err != nil {
		l.end()
		return fmt.Errorf("cannot connect to NATS: %w", err)
	}
	context.AfterFunc(ctx, l.conn.Close)
	if err := CheckBroker(l.conn); err != nil {
		l.end()
		return err
	}
	l.watching.Go(func() { l.watch(ctx) })
	return nil
}
