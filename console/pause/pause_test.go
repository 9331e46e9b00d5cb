package pause_test

import (
	"context"
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

func remaining(t *testing.T, b *testbed.Bed, queue string) time.Duration {
	t.Helper()
	left, err := pause.Remaining(b.Context(), b.JS, queue)
	require.NoError(t, err)
	return left
}

// While a queue is paused, others flow and publishers go on.
func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Services()
	require.NoError(t, pause.Queue(b.Context(), b.JS, topology.Responses, pause.Forever))
	require.Greater(t, remaining(t, b, topology.Responses), 365*24*time.Hour)
	require.Zero(t, remaining(t, b, topology.Requests))
	b.Ask(30)
	b.Eventually(func() bool { return b.Messages(topology.Responses) == 30 }, "all are answered")
	require.Zero(t, b.Messages("KV_"+topology.Stored), "and none is delivered")

	for range 2 { // the second time it does nothing
		require.NoError(t, pause.Resume(b.Context(), b.JS, topology.Responses))
		require.Zero(t, remaining(t, b, topology.Responses))
	}
	require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
	require.Len(t, b.Entries(topology.Received), 30)
}

func TestPauseEndsByItself(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	require.NoError(t, pause.Queue(b.Context(), b.JS, topology.Requests, time.Hour))
	require.NoError(t, pause.Queue(b.Context(), b.JS, topology.Requests, time.Second), "the last one counts")
	require.NoError(t, pause.Queue(b.Context(), b.JS, topology.Receipts, time.Nanosecond), "over before it is read back")
	b.Ask(3)
	b.Services()
	require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
}

// The broker judges a pause by its own clock, whatever the operator's says.
func TestQueue_IsPausedByTheBrokersClock(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{
		"the broker's clock is ahead":  2 * time.Hour,
		"the broker's clock is behind": -2 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := testbed.StartShifted(t, ahead)
			require.NoError(t, pause.Queue(b.Context(), b.JS, topology.Requests, time.Hour))
			require.InDelta(t, time.Hour, remaining(t, b, topology.Requests), float64(time.Minute))
			b.Shift(0) // what the broker says, by its own clock
			require.InDelta(t, time.Hour, remaining(t, b, topology.Requests), float64(time.Minute))

			b.Shift(ahead)
			require.NoError(t, pause.Queue(b.Context(), b.JS, topology.Requests, time.Second))
			require.Less(t, remaining(t, b, topology.Requests), time.Minute, "the last one counts")
			require.NoError(t, pause.Resume(b.Context(), b.JS, topology.Requests))
			require.Zero(t, remaining(t, b, topology.Requests))
		})
	}
}

// other passes on a pause by another time, and no resume.
type other struct {
	jetstream.JetStream
	by time.Duration
}

func (o other) PauseConsumer(ctx context.Context, stream, consumer string, until time.Time) (*jetstream.ConsumerPauseResponse, error) {
	return o.JetStream.PauseConsumer(ctx, stream, consumer, until.Add(o.by))
}

func (o other) ResumeConsumer(context.Context, string, string) (*jetstream.ConsumerPauseResponse, error) {
	return &jetstream.ConsumerPauseResponse{}, nil
}

func TestQueue_FailsWhenThePauseDidNotTake(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ d, by time.Duration }{
		"shorter":              {time.Hour, -10 * time.Minute},
		"longer":               {time.Hour, 10 * time.Minute},
		"not at all":           {time.Hour, -2 * time.Hour},
		"a short one not, too": {4 * time.Second, -2 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := testbed.Start(t)
			err := pause.Queue(b.Context(), other{b.JS, test.by}, topology.Requests, test.d)
			require.ErrorIs(t, err, pause.ErrNotTaken)
			require.ErrorContains(t, err, "cannot pause REQUESTS: ")
		})
	}
}

func TestResume_FailsWhenItDidNotTake(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	require.NoError(t, pause.Queue(b.Context(), b.JS, topology.Requests, time.Hour))
	err := pause.Resume(b.Context(), other{JetStream: b.JS}, topology.Requests)
	require.ErrorIs(t, err, pause.ErrNotTaken)
	require.ErrorContains(t, err, "cannot resume REQUESTS")
	require.ErrorContains(t, err, "it is paused for 59m")
}

func TestPauseOfNoQueue(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	for _, queue := range []string{"", "ORDERS", "requests", topology.DeadLetters} {
		require.ErrorIs(t, pause.Queue(b.Context(), b.JS, queue, time.Hour), pause.ErrUnknownQueue)
		require.ErrorIs(t, pause.Resume(b.Context(), b.JS, queue), pause.ErrUnknownQueue)
		_, err := pause.Remaining(b.Context(), b.JS, queue)
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
	require.Zero(t, remaining(t, b, topology.Requests))
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
