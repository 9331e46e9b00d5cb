package publish_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
)

// proxy stands between a client and its broker, so that what the broker answers
// can get lost while what the client sends arrives.
type proxy struct {
	listener net.Listener
	broker   string
	muted    atomic.Bool

	mu          sync.Mutex
	connections []net.Conn
}

func startProxy(t *testing.T, broker *brokertest.Broker) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{listener: listener, broker: broker.Server().Addr().String()}
	t.Cleanup(func() {
		_ = listener.Close()
		p.cut()
	})
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			p.join(client)
		}
	}()
	return p
}

func (p *proxy) url() string { return "nats://" + p.listener.Addr().String() }

func (p *proxy) join(client net.Conn) {
	broker, err := net.Dial("tcp", p.broker)
	if err != nil {
		_ = client.Close()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.connections = append(p.connections, client, broker)
	go func() { _, _ = io.Copy(broker, client) }()
	go func() { _, _ = io.Copy(answers{client, p}, broker) }()
}

// mute loses all answers from now on.
func (p *proxy) mute() { p.muted.Store(true) }

// cut breaks the connections; new ones work.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.connections {
		_ = c.Close()
	}
	p.connections = nil
	p.muted.Store(false)
}

// answers is the way to the client.
type answers struct {
	net.Conn
	proxy *proxy
}

func (a answers) Write(b []byte) (int, error) {
	if a.proxy.muted.Load() {
		return len(b), nil
	}
	return a.Conn.Write(b)
}

// The broker has the messages, and the publisher does not know it.
func TestLostConfirmationsLeadToNoDuplicates(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	js := create(t, broker, stream)
	proxy := startProxy(t, broker)
	conn, err := nats.Connect(proxy.url(), nats.MaxReconnects(-1), nats.ReconnectWait(time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	p := publisher(t, conn)
	require.NoError(t, complete(p.Publish(t.Context(), stream.Name, messages("work.before", 1))))
	sent := conn.Stats().OutMsgs

	proxy.mute()
	done := make(chan error, 1)
	go func() { done <- complete(p.Publish(t.Context(), stream.Name, messages("work.a", 50))) }()
	require.Eventually(t, func() bool {
		s, err := js.Stream(t.Context(), stream.Name)
		return err == nil && s.CachedInfo().State.Msgs == 51
	}, patience, 10*time.Millisecond)
	proxy.cut()

	requireDone(t, done)
	require.GreaterOrEqual(t, conn.Stats().OutMsgs-sent, uint64(100), "each was sent again")
	requireEachOnce(t, js, 51)
}
