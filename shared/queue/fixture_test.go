package queue_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/publish"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

const (
	// patience bounds every wait of a test. Nothing takes nearly as long.
	patience = 60 * time.Second
	often    = 5 * time.Millisecond

	// never is an acknowledgement wait that no test lives to see the end of:
	// what was stranded stays stranded.
	never = 10 * time.Minute
)

type request = contract.Request

// fixture is a broker with the project's topology.
type fixture struct {
	testing.TB
	broker *brokertest.Broker // none when it is a cluster
	url    string
	js     jetstream.JetStream
	logs   *logs
}

// start starts a broker and makes the streams and consumers.
func start(t testing.TB, settings topology.Settings, options ...brokertest.Option) *fixture {
	t.Helper()
	f := startEmpty(t, options...)
	f.setUp(settings)
	return f
}

// startEmpty starts a broker that nobody has set up.
func startEmpty(t testing.TB, options ...brokertest.Option) *fixture {
	t.Helper()
	broker := brokertest.Start(t, options...)
	f := newFixture(t, broker.URL(), broker.Connect())
	f.broker = broker
	return f
}

func newFixture(t testing.TB, url string, conn *nats.Conn) *fixture {
	t.Helper()
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(patience))
	require.NoError(t, err)
	return &fixture{TB: t, url: url, js: js, logs: &logs{}}
}

// setUp makes the streams and consumers.
func (f *fixture) setUp(settings topology.Settings) {
	f.Helper()
	streams, err := topology.Streams(settings)
	require.NoError(f, err)
	for _, s := range streams {
		switch s.Name { // the others would only take time
		case topology.Requests, topology.Responses, topology.DeadLetters, "KV_" + topology.Attempts:
			_, err := f.js.CreateStream(f.Context(), s)
			require.NoError(f, err)
		}
	}
	consumers, err := topology.Consumers(settings)
	require.NoError(f, err)
	for _, c := range consumers {
		if c.Stream != topology.Receipts {
			_, err := f.js.CreateConsumer(f.Context(), c.Stream, c.ConsumerConfig)
			require.NoError(f, err)
		}
	}
}

// recreate deletes a queue's stream and makes it and its consumer again.
func (f *fixture) recreate(name string) {
	f.Helper()
	stream, consumer := f.stream(name).Config, f.consumer().Config
	require.NoError(f, f.js.DeleteStream(f.Context(), name))
	_, err := f.js.CreateStream(f.Context(), stream)
	require.NoError(f, err)
	_, err = f.js.CreateConsumer(f.Context(), name, consumer)
	require.NoError(f, err)
}

// connect returns a connection of its own, as each process has one.
func (f *fixture) connect(options ...nats.Option) *nats.Conn {
	f.Helper()
	options = append([]nats.Option{
		nats.MaxReconnects(-1), nats.ReconnectWait(20 * time.Millisecond), nats.RetryOnFailedConnect(true),
	}, options...)
	conn, err := nats.Connect(f.url, options...)
	require.NoError(f, err)
	f.Cleanup(conn.Close)
	return conn
}

func (f *fixture) client(conn *nats.Conn, grace time.Duration) *queue.Client {
	f.Helper()
	log := slog.New(slog.NewJSONHandler(f.logs, nil))
	publisher, err := publish.New(conn, log)
	require.NoError(f, err)
	client, err := queue.NewClient(conn, publisher, log, grace)
	require.NoError(f, err)
	return client
}

// quickConfig has pauses that do not take long.
func quickConfig() queue.Config {
	config := requestsConfig()
	config.MaxPause = 50 * time.Millisecond
	return config
}

// requestsConfig is the project's, with failures that do not take long.
func requestsConfig() queue.Config {
	return queue.Config{
		Stream: topology.Requests, Subject: topology.SubjectRequest, Consumer: topology.Generator,
		DeadLetterStream: topology.DeadLetters, DeadLetterSubject: topology.SubjectDead + "." + topology.Requests, AttemptBucket: topology.Attempts,
		Attempts: 5, Backoff: 10 * time.Millisecond, MaxBackoff: 50 * time.Millisecond,
	}
}

// requests is the queue as a replica with a connection of its own sees it.
func (f *fixture) requests() *queue.Queue[request] {
	f.Helper()
	return f.requestsOver(f.connect(), patience)
}

func (f *fixture) requestsOver(conn *nats.Conn, grace time.Duration) *queue.Queue[request] {
	f.Helper()
	return queue.New(f.client(conn, grace), quickConfig(), contract.Requests)
}

// publish fills the queue with n new requests.
func (f *fixture) publish(q *queue.Queue[request], n int) []request {
	f.Helper()
	values := newRequests(n)
	require.NoError(f, q.Publish(f.Context(), values...))
	return values
}

func newRequests(n int) []request {
	values := make([]request, n)
	for i := range values {
		values[i] = contract.NewRequest(time.Now())
	}
	return values
}

// deliver has everything in a queue delivered, and handed back, that often.
func (f *fixture) deliver(stream, consumer string, times int) {
	f.Helper()
	c, err := f.js.Consumer(f.Context(), stream, consumer)
	require.NoError(f, err)
	n := int(f.stream(stream).State.Msgs)
	for range times {
		batch, err := c.Fetch(n, jetstream.FetchMaxWait(patience))
		require.NoError(f, err)
		for m := range batch.Messages() {
			require.NoError(f, m.Nak())
		}
		require.NoError(f, batch.Error())
	}
}

// suspicious has everything in a queue delivered so often that the next delivery
// puts it into quarantine.
func (f *fixture) suspicious(stream, consumer string) {
	f.Helper()
	f.deliver(stream, consumer, 3)
}
