// Package testbed is a deployment for tests: a broker of the test's own that is
// set up, and replicas of the real services to start and stop on it.
package testbed

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/setup"
	"decoupled.example/generator"
	"decoupled.example/requestor"
	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

const (
	// patience bounds every wait. No test waits for it unless it fails.
	patience = 60 * time.Second
	// ackWait is short, so that what was left behind comes back soon.
	ackWait = time.Second
	// grace is how long a replica may take to finish its work in progress.
	grace = 10 * time.Second
)

// Bed is a deployment with no replicas yet. It is for the test's goroutine.
type Bed struct {
	Broker   *brokertest.Broker // nil on a cluster
	Conn     *nats.Conn         // the operator's
	JS       jetstream.JetStream
	Topology *topology.Topology // the operator's view
	Via      string             // the URL of the relay that the operator is connected to, if to one

	t   testing.TB
	url string
}

// Start starts a broker and sets it up.
func Start(t testing.TB, change ...func(*topology.Settings)) *Bed {
	t.Helper()
	broker := brokertest.Start(t)
	b := On(t, broker.URL(), change...)
	b.Broker = broker
	return b
}

// On sets up the broker or cluster at url.
func On(t testing.TB, url string, change ...func(*topology.Settings)) *Bed {
	t.Helper()
	settings := topology.Settings{AckWait: ackWait}
	for _, c := range change {
		c(&settings)
	}
	b := &Bed{t: t, url: url}
	b.Conn = b.connect("operator")
	var err error
	b.JS, err = jetstream.New(b.Conn)
	require.NoError(t, err)
	b.Topology, err = topology.Open(b.Conn, service.Slog(b.Log()), topology.Options{ShutdownTimeout: grace})
	require.NoError(t, err)
	_, err = setup.Apply(b.Context(), b.JS, settings)
	require.NoError(t, err)
	return b
}

func (b *Bed) connect(name string) *nats.Conn {
	b.t.Helper()
	nc, err := service.Connect(context.WithoutCancel(b.t.Context()), b.Log(), service.Broker{URL: b.url}, name)
	require.NoError(b.t, err)
	b.t.Cleanup(nc.Close)
	return nc
}

// Log shows what is logged when the test fails.
func (b *Bed) Log() zerolog.Logger {
	return zerolog.New(zerolog.NewTestWriter(b.t)).Level(zerolog.WarnLevel)
}

// Generator starts a generator. It ends when stop is called, which returns when
// the work in progress is finished, or with the test.
func (b *Bed) Generator(o generator.Options) (stop func()) {
	b.t.Helper()
	return b.start(topology.Generator, func(ctx context.Context, s *service.Service) error {
		return generator.Serve(ctx, s, o)
	})
}

// Requestor starts a requestor that only stores, unless the options say more.
func (b *Bed) Requestor(o requestor.Options) (stop func()) {
	b.t.Helper()
	return b.start(topology.Requestor, func(ctx context.Context, s *service.Service) error {
		return requestor.Serve(ctx, s, o)
	})
}

// Services starts one replica of each service.
func (b *Bed) Services() (stop func()) {
	b.t.Helper()
	stopRequestor := b.Requestor(requestor.Options{})
	stopGenerator := b.Generator(generator.Options{})
	return func() { stopRequestor(); stopGenerator() }
}

func (b *Bed) start(name string, serve func(context.Context, *service.Service) error) (stop func()) {
	b.t.Helper()
	nc := b.connect(name)
	s, err := service.New(name, nc, b.Log(), grace)
	require.NoError(b.t, err)
	ctx, cancel := context.WithCancel(context.Background()) // ended by stop
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := serve(ctx, s); err != nil {
			b.t.Errorf("a %s ended: %v", name, err)
		}
	}()
	stop = func() { cancel(); <-ended; nc.Close() }
	b.t.Cleanup(stop)
	return stop
}

// Ask asks for n strings as a requestor does.
func (b *Bed) Ask(n int) []contract.Request {
	b.t.Helper()
	asked, err := requestor.NewAsker(b.Topology).Ask(b.Context(), n)
	require.NoError(b.t, err)
	return asked
}

// PlantDead makes n dead letters of requests that were asked, and that no service
// can read, and returns their IDs. Services must not be running.
func (b *Bed) PlantDead(n int) (ids []string) {
	b.t.Helper()
	before := b.Messages(topology.DeadLetters)
	stop := b.Generator(generator.Options{})
	defer stop()
	for i := range n {
		request := contract.NewRequest(time.Now())
		b.PublishUnreadable(topology.SubjectRequest, request.ID)
		b.Keep(topology.Asked, ledger.Entry{ID: request.ID, Value: []byte("{}")})
		ids = append(ids, request.ID)
		// One by one, so that the letters are in the order of the requests.
		b.Eventually(func() bool { return b.Messages(topology.DeadLetters) == before+uint64(i)+1 }, "%d letters", i+1)
	}
	return ids
}

// PublishUnreadable publishes a message with that ID which no service can read:
// it is of a version that is still to come.
func (b *Bed) PublishUnreadable(subject, id string) {
	b.t.Helper()
	_, err := b.JS.PublishMsg(b.Context(), &nats.Msg{
		Subject: subject,
		Header: nats.Header{
			contract.HeaderContentType: {contract.ContentType},
			contract.HeaderSchema:      {"decoupled.future.v99"},
		},
		Data: []byte(`{"id":"` + id + `"}`),
	})
	require.NoError(b.t, err)
}

// PublishRaw publishes with a header that no client library would send.
func (b *Bed) PublishRaw(subject, header, body string) {
	b.t.Helper()
	before := b.Messages(topology.DeadLetters)
	address := strings.TrimPrefix(b.Broker.URL(), "nats://")
	conn, err := net.Dial("tcp", address)
	require.NoError(b.t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "CONNECT {\"headers\":true}\r\nHPUB %s %d %d\r\n%s%s\r\n", subject, len(header), len(header)+len(body), header, body)
	require.NoError(b.t, err)
	b.Eventually(func() bool { return b.Messages(topology.DeadLetters) > before }, "it is stored")
}

// Keep plants entries in a ledger.
func (b *Bed) Keep(name string, entries ...ledger.Entry) {
	b.t.Helper()
	_, err := b.Topology.Ledger(name).PutIfAbsent(b.Context(), entries...)
	require.NoError(b.t, err)
}

// Entries are all entries of a ledger.
func (b *Bed) Entries(name string) []ledger.Entry {
	b.t.Helper()
	var all []ledger.Entry
	for e, err := range b.Topology.Ledger(name).All(b.Context()) {
		require.NoError(b.t, err)
		all = append(all, e)
	}
	return all
}

// Messages is how many messages a stream holds.
func (b *Bed) Messages(stream string) uint64 {
	b.t.Helper()
	s, err := b.JS.Stream(b.Context(), stream)
	require.NoError(b.t, err)
	return s.CachedInfo().State.Msgs
}

// Eventually waits for a condition.
func (b *Bed) Eventually(condition func() bool, what string, args ...any) {
	b.t.Helper()
	require.Eventually(b.t, condition, patience, 10*time.Millisecond, append([]any{what}, args...)...)
}

// Context ends with the test, or when that takes too long.
func (b *Bed) Context() context.Context {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	b.t.Cleanup(cancel)
	return ctx
}
