package send_test

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/deadletter"
	"decoupled.example/console/drain"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/console/send"
	"decoupled.example/console/verify"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

// What is sent is asked, as by a requestor: each is recorded, and told once it is
// confirmed.
func TestSend(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	for _, rate := range []float64{0, 1e5} {
		before := b.Messages(topology.Requests)
		var told []contract.Request
		err := send.Requests(b.Context(), b.Topology, 2345, rate, func(burst []contract.Request) error {
			require.NotEmpty(t, burst)
			told = append(told, burst...)
			require.EqualValues(t, len(told), b.Messages(topology.Requests)-before, "confirmed")
			require.EqualValues(t, len(told), b.Messages("KV_"+topology.Asked)-before, "and recorded")
			return nil
		})
		require.NoError(t, err)
		require.Len(t, told, 2345)
	}
	b.Services()
	require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
	verdict, err := verify.Run(b.Context(), b.JS, b.Topology, nil)
	require.NoError(t, err)
	require.EqualValues(t, 2*2345, verdict.Complete)
}

// Interrupted, it says how far it came, and that is true.
func TestSendInterrupted(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	ctx, interrupt := context.WithCancel(b.Context())
	sent := 0
	err := send.Requests(ctx, b.Topology, 5000, 0, func(burst []contract.Request) error {
		interrupt()
		sent += len(burst)
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "cannot send all: 1000 of 5000 are confirmed")
	require.Equal(t, 1000, sent)
	require.GreaterOrEqual(t, b.Messages(topology.Requests), uint64(1000))
}

func TestRepeat_StoresEachRequestAgain(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	err := send.Requests(b.Context(), b.Topology, 50, 0, func(burst []contract.Request) error {
		return send.Repeat(b.Context(), b.Topology, burst)
	})
	require.NoError(t, err)
	require.EqualValues(t, 100, b.Messages(topology.Requests), "nothing at the broker hides the repetition")
	b.Services()
	require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
	require.Len(t, b.Entries(topology.Generated), 50, "each is answered once")
}

// What nobody can read waits for a broker that is away, has an ID of its own, so
// that the queue stores it once, and becomes a dead letter.
func TestMalformed_IsUnreadable(t *testing.T) {
	t.Parallel()
	for name, publish := range map[string]func(context.Context, jetstream.JetStream) error{
		"not JSON": send.Malformed, "decoupled.request.v99": send.FutureVersion,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := testbed.Start(t)
			require.NoError(t, publish(b.Context(), b.JS))
			b.Broker.Stop()
			b.Eventually(func() bool { return !b.Conn.IsConnected() }, "it is gone")
			done := make(chan error, 1)
			go func() { done <- publish(b.Context(), b.JS) }()
			b.Broker.Restart()
			require.NoError(t, <-done)
			require.EqualValues(t, 2, b.Messages(topology.Requests))
			stream, err := b.JS.Stream(b.Context(), topology.Requests)
			require.NoError(t, err)
			m, err := stream.GetMsg(b.Context(), 1)
			require.NoError(t, err)
			require.NotEmpty(t, m.Header.Get(jetstream.MsgIDHeader))

			b.Services()
			require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
			dead, err := deadletter.Open(b.Context(), b.JS)
			require.NoError(t, err)
			for letter, err := range dead.All(b.Context()) {
				require.NoError(t, err)
				require.Contains(t, letter.Reason, name)
			}
			require.EqualValues(t, 2, b.Messages(topology.DeadLetters))
		})
	}
}

func TestUnreadableWithoutSetup(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	require.NoError(t, b.JS.DeleteStream(b.Context(), topology.Requests))
	require.ErrorContains(t, send.Malformed(b.Context(), b.JS), "run setup")
}
