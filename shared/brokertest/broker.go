package brokertest

import (
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/ports"
)

// patience bounds every wait for the broker. It is generous because a loaded
// machine is slow; a healthy broker needs milliseconds.
const patience = 60 * time.Second

// Broker is one nats-server in this process.
type Broker struct {
	t       testing.TB
	options server.Options
	server  *server.Server
}

// An Option changes the server's options before its first start.
type Option func(*server.Options)

// Start starts a broker with JetStream in a temporary folder on a free port of
// the loopback interface, and stops it when the test ends.
func Start(t testing.TB, options ...Option) *Broker {
	t.Helper()
	b := prepare(t, "broker", options...)
	b.start()
	require.True(t, b.server.ReadyForConnections(patience), "the broker did not start")
	return b
}

func prepare(t testing.TB, name string, options ...Option) *Broker {
	t.Helper()
	b := &Broker{t: t, options: server.Options{
		ServerName: name,
		Host:       "127.0.0.1",
		Port:       freePort(t),
		JetStream:  true,
		StoreDir:   t.TempDir(),
		NoSigs:     true,
		NoLog:      true,
	}}
	for _, option := range options {
		option(&b.options)
	}
	t.Cleanup(b.Stop)
	return b
}

func (b *Broker) start() {
	b.t.Helper()
	options := b.options // the server keeps and changes what it is given
	s, err := server.NewServer(&options)
	require.NoError(b.t, err)
	s.Start()
	b.server = s
}

// URL is where clients connect; it stays the same over a restart.
func (b *Broker) URL() string {
	if addr := b.server.Addr(); addr != nil {
		return "nats://" + addr.String()
	}
	return "nats://" + net.JoinHostPort(b.options.Host, strconv.Itoa(b.options.Port)) // stopped
}

// Server is the server itself, for what only a test may ask of it. It is
// another one after a restart.
func (b *Broker) Server() *server.Server { return b.server }

// Stop shuts the broker down and keeps its data. It does nothing when the
// broker is stopped already.
func (b *Broker) Stop() {
	if b.server == nil || !b.server.Running() {
		return
	}
	if tcp, ok := b.server.Addr().(*net.TCPAddr); ok {
		b.options.Port = tcp.Port
	}
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

// Restart starts the stopped broker on its port, with its data.
func (b *Broker) Restart() {
	b.t.Helper()
	b.Stop()
	b.start()
	require.True(b.t, b.server.ReadyForConnections(patience), "the broker did not start again")
}

// Connect returns a connection that comes back after a restart, and closes it
// when the test ends.
func (b *Broker) Connect(options ...nats.Option) *nats.Conn {
	b.t.Helper()
	return connect(b.t, b.URL(), options...)
}

func connect(t testing.TB, url string, options ...nats.Option) *nats.Conn {
	t.Helper()
	options = append([]nats.Option{
		nats.Name(t.Name()),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(20 * time.Millisecond),
		nats.RetryOnFailedConnect(true),
	}, options...)
	nc, err := nats.Connect(url, options...)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

// freePort returns a port that no other client is given while its broker is
// stopped.
func freePort(t testing.TB) int {
	t.Helper()
	free, err := ports.Free("127.0.0.1", 1)
	require.NoError(t, err)
	return free[0]
}

// Wipe removes all data of the stopped broker.
func (b *Broker) Wipe() {
	b.t.Helper()
	require.NoError(b.t, os.RemoveAll(b.options.StoreDir))
}
