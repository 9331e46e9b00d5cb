package pause_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/drain"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/console/pause"
	"decoupled.example/shared/topology"
)

func until(t *testing.T, b *testbed.Bed, queue string) time.Time {
	t.Helper()
	at, err := pause.Until(b.Context(), b.JS, queue)
	require.NoError(t, err)
	return at
}

// While a queue is paused, others flow and publishers go on.
func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Services()
	require.NoError(t, pause.Queue(b.Context(), b.JS, topology.Responses, pause.Forever))
	require.Greater(t, time.Until(until(t, b, topology.Responses)), 365*24*time.Hour)
	require.Zero(t, until(t, b, topology.Requests))
	b.Ask(30)
	b.Eventually(func() bool { return b.Messages(topology.Responses) == 30 }, "all are answered")
	require.Zero(t, b.Messages("KV_"+topology.Stored), "and none is delivered")

	for range 2 { // the second time it does nothing
		require.NoError(t, pause.Resume(b.Context(), b.JS, topology.Responses))
		require.Zero(t, until(t, b, topology.Responses))
	}
	require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
	require.Len(t, b.Entries(topology.Received), 30)
}

func TestPauseEndsByItself(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	require.NoError(t, pause.Queue(b.Context(), b.JS, topology.Requests, time.Hour))
	require.NoError(t, pause.Queue(b.Context(), b.JS, topology.Requests, time.Second), "the last one counts")
	b.Ask(3)
	b.Services()
	require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
}

func TestPauseOfNoQueue(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	for _, queue := range []string{"", "ORDERS", "requests", topology.DeadLetters} {
		require.ErrorIs(t, pause.Queue(b.Context(), b.JS, queue, time.Hour), pause.ErrUnknownQueue)
		require.ErrorIs(t, pause.Resume(b.Context(), b.JS, queue), pause.ErrUnknownQueue)
		_, err := pause.Until(b.Context(), b.JS, queue)
		require.ErrorIs(t, err, pause.ErrUnknownQueue)
	}
	for _, d := range []time.Duration{0, -time.Second} {
		require.ErrorContains(t, pause.Queue(b.Context(), b.JS, topology.Requests, d), "must be more than zero")
	}
}

func TestPauseWithoutSetup(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	require.NoError(t, b.JS.DeleteConsumer(b.Context(), topology.Requests, topology.Generator))
	require.NoError(t, b.JS.DeleteStream(b.Context(), topology.Receipts))
	for _, queue := range []string{topology.Requests, topology.Receipts} {
		require.ErrorContains(t, pause.Queue(b.Context(), b.JS, queue, time.Hour), "run setup")
		require.ErrorContains(t, pause.Resume(b.Context(), b.JS, queue), "run setup")
	}
}

func TestPauseWithoutPermission(t *testing.T) {
	t.Parallel()
	b, limited := testbed.StartLimited(t, "$JS.API.CONSUMER.PAUSE.REQUESTS.generator")
	for range 2 {
		require.ErrorIs(t, pause.Queue(b.Context(), limited, topology.Requests, time.Hour), nats.ErrPermissionViolation)
	}
	require.Zero(t, until(t, b, topology.Requests))
}

func TestPauseWaitsForTheBroker(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	for name, do := range map[string]func(jetstream.JetStream) error{
		"pause":  func(js jetstream.JetStream) error { return pause.Queue(b.Context(), js, topology.Requests, time.Hour) },
		"resume": func(js jetstream.JetStream) error { return pause.Resume(b.Context(), js, topology.Requests) },
	} {
		b.Broker.Stop()
		b.Eventually(func() bool { return !b.Conn.IsConnected() }, "it is gone")
		done := make(chan error, 1)
		go func() { done <- do(b.JS) }()
		b.Broker.Restart()
		require.NoError(t, <-done, name)
	}
}
