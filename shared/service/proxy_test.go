package service_test

import (
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
)

// proxy stands between a program and its broker, to let the broker hang: the
// connection stays open, and nothing passes.
type proxy struct {
	address string
	passing sync.RWMutex
}

func startProxy(t *testing.T, b *brokertest.Broker) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	p := &proxy{address: l.Addr().String()}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			var dialer net.Dialer
			server, err := dialer.DialContext(t.Context(), "tcp", b.Server().Addr().String())
			if err != nil {
				_ = client.Close()
				continue
			}
			go p.pass(client, server)
			go p.pass(server, client)
		}
	}()
	return p
}

func (p *proxy) url() string { return "nats://" + p.address }

func (p *proxy) hang() { p.passing.Lock() }
func (p *proxy) goOn() { p.passing.Unlock() }

// pass copies until one side is closed.
func (p *proxy) pass(from, to net.Conn) {
	defer func() { _, _ = from.Close(), to.Close() }()
	buffer := make([]byte, 32*1024)
	for {
		n, err := from.Read(buffer)
		p.passing.RLock()
		_, writeErr := to.Write(buffer[:n])
		p.passing.RUnlock()
		if err != nil || writeErr != nil {
			return
		}
	}
}
