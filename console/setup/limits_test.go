package setup_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/setup"
	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/topology"
)

// Whatever a broker limits, setup makes everything within the limits, says which of
// them are felt, and finds no difference when it is repeated.
func TestApply_TakesTheBrokersLimits(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		limit func(*server.Options)
		felt  []string
	}{
		"none": {func(*server.Options) {}, nil},
		"max_request_batch": {
			func(o *server.Options) { o.JetStreamLimits.MaxRequestBatch = 100 },
			[]string{"the broker gives a replica at most 100 messages at once (max_batch): the queues are slower for it"},
		},
		"max_ack_pending": {func(o *server.Options) { o.JetStreamLimits.MaxAckPending = 1000 }, nil},
		"duplicates": {
			func(o *server.Options) { o.JetStreamLimits.Duplicates = 10 * time.Second },
			[]string{"the broker deduplicates for 10s at most (duplicates): what is published again later than that is stored twice, and done once"},
		},
		"max_payload": {
			func(o *server.Options) { o.MaxPayload = 16 << 10 },
			[]string{"the broker takes messages of up to 16384 bytes (max_payload): queues take up to 4096 bytes instead of 131072, so that each message fits into a dead letter"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			js := jetStream(t, brokertest.Start(t, test.limit))
			result, err := setup.Apply(bounded(t), js, topology.Settings{})
			require.NoError(t, err)
			require.Equal(t, setup.Result{Created: all, Limits: test.felt}, result)
			made := everything(t, js)
			for _, again := range []func() (setup.Result, error){
				func() (setup.Result, error) { return setup.Apply(bounded(t), js, topology.Settings{}) },
				func() (setup.Result, error) { return setup.Update(bounded(t), js, topology.Settings{}) },
			} {
				result, err = again()
				require.NoError(t, err)
				require.Equal(t, setup.Result{Present: all, Limits: test.felt}, result)
				require.Equal(t, made, everything(t, js), "nothing is changed")
			}
		})
	}
}

// A limit that came later is a difference, and can be heeded; and so the other way
// round.
func TestUpdate_FollowsTheBrokersLimits(t *testing.T) {
	t.Parallel()
	small := func(o *server.Options) { o.MaxPayload = 64 << 10 }
	js := jetStream(t, brokertest.Start(t, small))
	config := streamConfig(t, topology.Requests)
	_, err := js.CreateStream(bounded(t), config)
	require.NoError(t, err)
	_, err = js.CreateConsumer(bounded(t), topology.Requests, jetstream.ConsumerConfig{
		Durable: topology.Generator, AckPolicy: jetstream.AckExplicitPolicy, AckWait: 10 * time.Second, MaxDeliver: -1, MaxAckPending: -1, MaxRequestBatch: 100,
	})
	require.NoError(t, err)
	_, err = setup.Apply(bounded(t), js, topology.Settings{})
	requireDifferent(t, err, "REQUESTS: max_msg_size is 131072, should be 49152", "REQUESTS/generator: max_batch is 100, should be not set")
	result, err := setup.Update(bounded(t), js, topology.Settings{})
	require.NoError(t, err)
	require.Equal(t, []string{"REQUESTS", "REQUESTS/generator"}, result.Updated)
	_, err = setup.Apply(bounded(t), js, topology.Settings{})
	require.NoError(t, err)
}

func TestApply_RefusesABrokerThatTakesTooLittle(t *testing.T) {
	t.Parallel()
	js := jetStream(t, brokertest.Start(t, func(o *server.Options) { o.MaxPayload = 8 << 10 }))
	_, err := setup.Apply(t.Context(), js, topology.Settings{})
	require.EqualError(t, err, "cannot set up stream REQUESTS: the broker must take messages of at least 16384 bytes, not 8192: raise its max_payload")
	require.Empty(t, everything(t, js), "nothing was made")
}

// Also a cluster confirms what it has filled in.
func TestApply_TakesTheLimitsOfACluster(t *testing.T) {
	t.Parallel()
	cluster := brokertest.StartCluster(t, func(o *server.Options) {
		o.JetStreamLimits = server.JSLimitOpts{MaxRequestBatch: 100, Duplicates: 10 * time.Second}
	})
	js, err := jetstream.New(cluster.Connect())
	require.NoError(t, err)
	for range 2 {
		result, err := setup.Apply(bounded(t), js, topology.Settings{Replicas: 3})
		require.NoError(t, err)
		require.ElementsMatch(t, all, append(result.Created, result.Present...))
		require.Len(t, result.Limits, 2)
	}
}
