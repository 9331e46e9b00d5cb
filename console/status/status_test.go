package status_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/drain"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/console/status"
	"decoupled.example/requestor"
	"decoupled.example/shared/topology"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.PlantDead(2)
	stop := b.Services()
	b.Ask(30)
	require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
	var s status.Status
	b.Eventually(func() bool {
		var err error
		s, err = status.Read(b.Context(), b.Conn, b.JS)
		require.NoError(t, err)
		return len(s.Replicas) == 2
	}, "both are up")
	require.Equal(t, map[string]uint64{"asked": 32, "generated": 30, "stored": 30, "received": 30}, s.Ledgers)
	require.EqualValues(t, 2, s.DeadLetters)
	require.Equal(t, 1, s.Alive(topology.Requestor))
	require.Equal(t, 1, s.Alive(topology.Generator))
	require.Zero(t, s.Alive("anyone else"))
	require.Zero(t, s.Unfinished())
	require.Zero(t, s.Repeated())
	require.WithinDuration(t, time.Now(), s.At, time.Minute)
	stop()

	b.Ask(7)
	b.Eventually(func() bool { // the consumer learns of them a moment later than the stream
		var err error
		s, err = status.Read(b.Context(), b.Conn, b.JS)
		require.NoError(t, err)
		return s.Queues[0].Waiting == 7
	}, "they wait")
	require.EqualValues(t, 7, s.Unfinished())
	require.Empty(t, s.Replicas)

	text, err := json.Marshal(s)
	require.NoError(t, err)
	require.Contains(t, string(text), `"queue":"REQUESTS","messages":7,"waiting":7,"in_flight":0`)
}

// A redelivery shows, whichever queue it was in.
func TestStatusCountsWhatIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Ask(3)
	consumer, err := b.JS.Consumer(b.Context(), topology.Requests, topology.Generator)
	require.NoError(t, err)
	batch, err := consumer.Fetch(2)
	require.NoError(t, err)
	for m := range batch.Messages() {
		require.NoError(t, m.Nak())
	}
	b.Services()
	require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
	s, err := status.Read(b.Context(), b.Conn, b.JS)
	require.NoError(t, err)
	require.EqualValues(t, 2, s.Repeated())
}

func TestStatusWithoutSetup(t *testing.T) {
	t.Parallel()
	for _, stream := range []string{topology.Responses, "KV_received", topology.DeadLetters} {
		t.Run(stream, func(t *testing.T) {
			t.Parallel()
			b := testbed.Start(t)
			b.Requestor(requestor.Options{})
			require.NoError(t, b.JS.DeleteStream(b.Context(), stream))
			_, err := status.Read(b.Context(), b.Conn, b.JS)
			require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
			require.ErrorContains(t, err, "run setup")
		})
	}
}
