package drain_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/drain"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/topology"
)

// stick turns all messages of a queue into stuck acks, as a broker that shuts down
// under load leaves them: the consumer is past messages that are still stored.
func stick(t *testing.T, b *testbed.Bed, queue string) {
	t.Helper()
	s, err := b.JS.Stream(b.Context(), queue)
	require.NoError(t, err)
	_, err = b.JS.ResetConsumerToSequence(b.Context(), queue, topology.ConsumerOf(queue), s.CachedInfo().State.LastSeq+1)
	require.NoError(t, err)
}

func TestWait_RepairsStuckAcks(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Ask(5)
	stick(t, b, topology.Requests)
	b.Services()
	var repaired uint64
	require.NoError(t, drain.Wait(b.Context(), b.JS, func(s drain.Snapshot) {
		for _, q := range s {
			repaired += q.StuckAcks
		}
	}))
	require.EqualValues(t, 5, repaired)
	require.Len(t, b.Entries(topology.Received), 5)
}

// Messages that are pending delivery or in flight are not stuck acks, however long
// they stay.
func TestWait_LeavesPendingAndInFlightMessages(t *testing.T) {
	t.Parallel()
	for name, taken := range map[string]int{"pending": 0, "in flight": 3, "both": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := testbed.Start(t, func(s *topology.Settings) { s.AckWait = time.Hour })
			b.Ask(3)
			c, err := b.JS.Consumer(b.Context(), topology.Requests, topology.Generator)
			require.NoError(t, err)
			if taken > 0 {
				batch, err := c.Fetch(taken)
				require.NoError(t, err)
				for range batch.Messages() { // in flight, and never acked
				}
			}
			before, err := c.Info(b.Context())
			require.NoError(t, err)
			resets := watchResets(t, b)

			err = drain.Wait(untilExamined(t), b.JS, nil)

			require.ErrorIs(t, err, drain.ErrNotDrained)
			require.EqualError(t, err, "not drained: 3 messages remain (REQUESTS 3, RESPONSES 0, RECEIPTS 0, DEAD_LETTERS 0)")
			after, err := c.Info(b.Context())
			require.NoError(t, err)
			require.Equal(t, before.NumAckPending, after.NumAckPending)
			require.Zero(t, resets())
		})
	}
}

func TestWait_ReportsWhyStuckAcksAreNotRepaired(t *testing.T) {
	t.Parallel()
	t.Run("no permission", func(t *testing.T) {
		t.Parallel()
		broker := brokertest.Start(t, func(o *server.Options) {
			o.NoAuthUser = "anyone"
			o.Users = []*server.User{{Username: "anyone"}, {Username: "limited", Password: "x", Permissions: &server.Permissions{
				Publish: &server.SubjectPermission{Deny: []string{"$JS.API.CONSUMER.RESET.>"}},
			}}}
		})
		b := testbed.On(t, broker.URL())
		b.Ask(2)
		stick(t, b, topology.Requests)
		js, err := jetstream.New(broker.Connect(nats.UserInfo("limited", "x")))
		require.NoError(t, err)

		err = drain.Wait(untilExamined(t), js, nil)

		require.ErrorIs(t, err, drain.ErrNotDrained)
		require.ErrorIs(t, err, nats.ErrPermissionViolation)
		require.ErrorContains(t, err, "cannot reset the consumer of REQUESTS to redeliver its stuck acks")
	})
	t.Run("no consumer", func(t *testing.T) {
		t.Parallel()
		b := testbed.Start(t)
		b.Ask(2)
		require.NoError(t, b.JS.DeleteConsumer(b.Context(), topology.Requests, topology.Generator))

		err := drain.Wait(untilExamined(t), b.JS, nil)

		require.ErrorIs(t, err, drain.ErrNotDrained)
		require.ErrorContains(t, err, "2 messages remain")
		require.ErrorContains(t, err, "run setup")
	})
}

// untilExamined lasts long enough for the consumer of an unchanged queue to be
// examined.
func untilExamined(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// watchResets returns a function that counts the consumer resets requested since.
func watchResets(t *testing.T, b *testbed.Bed) func() int {
	t.Helper()
	sub, err := b.Conn.SubscribeSync("$JS.API.CONSUMER.RESET.>")
	require.NoError(t, err)
	require.NoError(t, b.Conn.Flush())
	return func() int {
		require.NoError(t, b.Conn.Flush())
		n, _, err := sub.Pending()
		require.NoError(t, err)
		return n
	}
}
