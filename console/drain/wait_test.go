package drain_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/drain"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/requestor"
	"decoupled.example/shared/topology"
)

func TestWaitReturnsWhenDrained(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.PlantDead(2)
	b.Ask(300)
	b.Services()
	var seen []drain.Snapshot
	require.NoError(t, drain.Wait(b.Context(), b.JS, func(s drain.Snapshot) { seen = append(seen, s) }))
	require.Len(t, b.Entries(topology.Received), 300)

	last := seen[len(seen)-1]
	require.True(t, last.Empty())
	require.Zero(t, last.Unfinished())
	require.EqualValues(t, 2, last.DeadLetters())
	require.Equal(t, "REQUESTS 0, RESPONSES 0, RECEIPTS 0, DEAD_LETTERS 2", last.String())
}

// shortly is enough for some checks.
func shortly(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestWait_ReportsWhatRemains(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Ask(3)
	err := drain.Wait(shortly(t), b.JS, nil)
	require.ErrorIs(t, err, drain.ErrNotDrained)
	require.EqualError(t, err, "not drained: 3 messages remain (REQUESTS 3, RESPONSES 0, RECEIPTS 0, DEAD_LETTERS 0)")
}

func TestWait_ReportsArrivingRequests(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Ask(1) // before the requestor asks there would be nothing to wait for
	b.Requestor(requestor.Options{Rate: 200})
	err := drain.Wait(shortly(t), b.JS, nil)
	require.ErrorIs(t, err, drain.ErrNotDrained)
	require.Regexp(t, `^not drained: \d+ messages remain \(.*\); new requests keep arriving: [\d.e+]+/s$`, err.Error())
}

func TestWaitGoesOnWhenTheBrokerIsBack(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Ask(100)
	waiting := make(chan error, 1)
	readings := make(chan drain.Snapshot, 10_000)
	go func() {
		waiting <- drain.Wait(b.Context(), b.JS, func(s drain.Snapshot) { readings <- s })
	}()
	require.EqualValues(t, 100, (<-readings).Unfinished())
	b.Broker.Stop()
	b.Broker.Restart()
	for len(readings) > 0 {
		<-readings
	}
	require.EqualValues(t, 100, (<-readings).Unfinished(), "it reads on")
	b.Services()
	require.NoError(t, <-waiting)
	require.Len(t, b.Entries(topology.Received), 100)
}

func TestWait_ReportsALostBroker(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Ask(2)
	waiting := make(chan error, 1)
	read := make(chan drain.Snapshot, 10_000)
	ctx, stop := context.WithCancel(b.Context())
	go func() { waiting <- drain.Wait(ctx, b.JS, func(s drain.Snapshot) { read <- s }) }()
	<-read
	b.Broker.Stop()
	b.Eventually(func() bool { return !b.Conn.IsConnected() }, "it is gone")
	stop()
	err := <-waiting
	require.ErrorIs(t, err, drain.ErrNotDrained)
	require.ErrorIs(t, err, nats.ErrDisconnected)
	require.ErrorContains(t, err, "2 messages remain (REQUESTS 2, RESPONSES 0, RECEIPTS 0, DEAD_LETTERS 0); since then the broker does not answer")

	err = drain.Wait(shortly(t), b.JS, nil)
	require.ErrorIs(t, err, drain.ErrNotDrained)
	require.EqualError(t, err, "not drained: the broker does not answer: cannot read REQUESTS: nats: server is disconnected")

	ended, end := context.WithCancel(t.Context())
	end()
	require.ErrorIs(t, drain.Wait(ended, b.JS, nil), drain.ErrNotDrained)
}

// What does not go away by itself is said at once.
func TestWaitEndsAtOnce(t *testing.T) {
	t.Parallel()
	t.Run("when a stream is missing", func(t *testing.T) {
		t.Parallel()
		b := testbed.Start(t)
		require.NoError(t, b.JS.DeleteStream(b.Context(), topology.Receipts))
		err := drain.Wait(b.Context(), b.JS, nil)
		require.NotErrorIs(t, err, drain.ErrNotDrained)
		require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
		require.ErrorContains(t, err, "cannot read RECEIPTS")
		require.ErrorContains(t, err, "run setup")
	})
	t.Run("when the connection is closed", func(t *testing.T) {
		t.Parallel()
		b := testbed.Start(t)
		b.Ask(1)
		read := make(chan drain.Snapshot, 10_000)
		waiting := make(chan error, 1)
		go func() { waiting <- drain.Wait(b.Context(), b.JS, func(s drain.Snapshot) { read <- s }) }()
		<-read
		b.Conn.Close()
		require.ErrorIs(t, <-waiting, nats.ErrConnectionClosed)
	})
	t.Run("when a permission is missing", func(t *testing.T) {
		t.Parallel()
		b, limited := testbed.StartLimited(t, "$JS.API.STREAM.INFO.RESPONSES")
		err := drain.Wait(b.Context(), limited, nil)
		require.NotErrorIs(t, err, drain.ErrNotDrained)
		require.ErrorIs(t, err, nats.ErrPermissionViolation)
		require.ErrorContains(t, err, "$JS.API.STREAM.INFO.RESPONSES")
	})
}
