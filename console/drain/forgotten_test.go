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

// forget brings a queue into the state in which a broker that was shut down under
// load leaves it: the consumer is beyond a message that is still there.
func forget(t *testing.T, b *testbed.Bed, queue string) {
	t.Helper()
	s, err := b.JS.Stream(b.Context(), queue)
	require.NoError(t, err)
	_, err = b.JS.ResetConsumerToSequence(b.Context(), queue, topology.ConsumerOf(queue), s.CachedInfo().State.LastSeq+1)
	require.NoError(t, err)
}

func TestWhatTheBrokerForgotToRemoveIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Ask(5)
	forget(t, b, topology.Requests)
	b.Services()
	var found uint64
	require.NoError(t, drain.Wait(b.Context(), b.JS, func(s drain.Snapshot) {
		for _, q := range s {
			found += q.Forgotten
		}
	}))
	require.EqualValues(t, 5, found)
	require.Len(t, b.Entries(topology.Received), 5)
}

// What waits, or is in somebody's hand, is not forgotten, however long it lasts.
func TestWhatWaitsOrIsInHandIsNotForgotten(t *testing.T) {
	t.Parallel()
	for name, taken := range map[string]int{"waiting": 0, "in hand": 3, "both": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := testbed.Start(t, func(s *topology.Settings) { s.AckWait = time.Hour })
			b.Ask(3)
			c, err := b.JS.Consumer(b.Context(), topology.Requests, topology.Generator)
			require.NoError(t, err)
			if taken > 0 {
				batch, err := c.Fetch(taken)
				require.NoError(t, err)
				for range batch.Messages() { // held, and never acknowledged
				}
			}
			before, err := c.Info(b.Context())
			require.NoError(t, err)
			looked := watchResets(t, b)

			err = drain.Wait(forAWhile(t), b.JS, nil)

			require.ErrorIs(t, err, drain.ErrNotDrained)
			require.EqualError(t, err, "not drained: 3 messages remain (REQUESTS 3, RESPONSES 0, RECEIPTS 0, DEAD_LETTERS 0)")
			after, err := c.Info(b.Context())
			require.NoError(t, err)
			require.Equal(t, before.NumAckPending, after.NumAckPending)
			require.Zero(t, looked())
		})
	}
}

func TestWhereItCannotBeMendedTheReasonIsSaid(t *testing.T) {
	t.Parallel()
	t.Run("no permission", func(t *testing.T) {
		t.Parallel()
		broker := brokertest.Start(t, func(o *server.Options) {
			o.NoAuthUser = "anyone"
			o.Users = []*server.User{{Username: "anyone"}, {Username: "observer", Password: "x", Permissions: &server.Permissions{
				Publish: &server.SubjectPermission{Deny: []string{"$JS.API.CONSUMER.RESET.>"}},
			}}}
		})
		b := testbed.On(t, broker.URL())
		b.Ask(2)
		forget(t, b, topology.Requests)
		js, err := jetstream.New(broker.Connect(nats.UserInfo("observer", "x")))
		require.NoError(t, err)

		err = drain.Wait(forAWhile(t), js, nil)

		require.ErrorIs(t, err, drain.ErrNotDrained)
		require.ErrorIs(t, err, nats.ErrPermissionViolation)
		require.ErrorContains(t, err, "the broker did not remove what was acknowledged in REQUESTS")
	})
	t.Run("no consumer", func(t *testing.T) {
		t.Parallel()
		b := testbed.Start(t)
		b.Ask(2)
		require.NoError(t, b.JS.DeleteConsumer(b.Context(), topology.Requests, topology.Generator))

		err := drain.Wait(forAWhile(t), b.JS, nil)

		require.ErrorIs(t, err, drain.ErrNotDrained)
		require.ErrorContains(t, err, "2 messages remain")
		require.ErrorContains(t, err, "run setup")
	})
}

// forAWhile is enough for what does not change to be looked at.
func forAWhile(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// watchResets returns how many resets of consumers were asked for since.
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
