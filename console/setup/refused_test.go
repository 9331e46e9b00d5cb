package setup_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/internal/testbed"
	"decoupled.example/console/setup"
	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/topology"
)

func TestSubjectsOfAnotherStream(t *testing.T) {
	t.Parallel()
	js := jetStream(t, brokertest.Start(t))
	_, err := js.CreateStream(bounded(t), jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"strings.>"}})
	require.NoError(t, err)
	_, err = setup.Apply(bounded(t), js, topology.Settings{})
	require.ErrorContains(t, err, "cannot set up stream REQUESTS: another stream takes messages of its subjects")
	require.ErrorContains(t, err, "subjects overlap")
}

// A consumer that cannot be made because its stream differs: the difference is
// the reason, and is said too.
func TestDifferenceThatIsTheReason(t *testing.T) {
	t.Parallel()
	js := jetStream(t, brokertest.Start(t))
	config := streamConfig(t, topology.Requests)
	config.Retention, config.MaxConsumers = jetstream.LimitsPolicy, 1
	_, err := js.CreateStream(bounded(t), config)
	require.NoError(t, err)
	_, err = js.CreateConsumer(bounded(t), topology.Requests, jetstream.ConsumerConfig{Durable: "reader", AckPolicy: jetstream.AckNonePolicy})
	require.NoError(t, err)

	_, err = setup.Apply(bounded(t), js, topology.Settings{})
	require.ErrorContains(t, err, "cannot set up consumer generator of REQUESTS: the queue or the account may have no more consumers")
	var different *setup.DifferentError
	require.ErrorAs(t, err, &different)
	require.Equal(t, []string{
		"REQUESTS: max_consumers is 1, should be 0",
		`REQUESTS: retention is "limits", should be "workqueue"`,
	}, different.Differences)
	require.ErrorContains(t, err, different.Differences[0])
}

func TestAnotherConsumerOfAQueue(t *testing.T) {
	t.Parallel()
	js := jetStream(t, brokertest.Start(t))
	_, err := js.CreateStream(bounded(t), streamConfig(t, topology.Responses))
	require.NoError(t, err)
	_, err = js.CreateConsumer(bounded(t), topology.Responses, jetstream.ConsumerConfig{Durable: "thief", AckPolicy: jetstream.AckExplicitPolicy})
	require.NoError(t, err)
	_, err = setup.Apply(bounded(t), js, topology.Settings{})
	require.ErrorContains(t, err, "cannot set up consumer requestor of RESPONSES: the queue has another consumer already")
}

func TestBrokerWithoutJetStream(t *testing.T) {
	t.Parallel()
	js := jetStream(t, brokertest.Start(t, func(o *server.Options) { o.JetStream = false }))
	_, err := setup.Apply(t.Context(), js, topology.Settings{}) // it needs no deadline to end
	require.ErrorContains(t, err, "cannot set up stream REQUESTS: JetStream is not enabled at the broker")
}

func TestAccountWithoutJetStream(t *testing.T) {
	t.Parallel()
	account := server.NewAccount("without")
	b := brokertest.Start(t, func(o *server.Options) {
		o.Accounts = []*server.Account{account}
		o.Users = []*server.User{{Username: "u", Password: "p", Account: account}}
	})
	js, err := jetstream.New(b.Connect(nats.UserInfo("u", "p")))
	require.NoError(t, err)
	_, err = setup.Apply(t.Context(), js, topology.Settings{})
	require.ErrorContains(t, err, "cannot set up stream REQUESTS: JetStream is not enabled")
}

func TestStorageTooSmall(t *testing.T) {
	t.Parallel()
	js := jetStream(t, brokertest.Start(t, func(o *server.Options) { o.JetStreamMaxStore = 1 << 20 }))
	result, err := setup.Apply(t.Context(), js, topology.Settings{MaxBytes: 512 << 10})
	require.ErrorContains(t, err, "cannot set up stream RECEIPTS: the broker's storage is too small for the queues' limits")
	require.Equal(t, []string{topology.Requests, topology.Responses}, result.Created, "what was made is told all the same")
}

func TestThreeReplicasOnOneNode(t *testing.T) {
	t.Parallel()
	js := jetStream(t, brokertest.Start(t))
	_, err := setup.Apply(t.Context(), js, topology.Settings{Replicas: 3})
	require.ErrorContains(t, err, "cannot set up stream REQUESTS: the broker is not a cluster: it can have 1 replica only")
}

func TestMissingPermission(t *testing.T) {
	t.Parallel()
	for _, subject := range []string{
		"$JS.API.STREAM.INFO.REQUESTS", "$JS.API.STREAM.CREATE.DEAD_LETTERS", "$JS.API.CONSUMER.INFO.REQUESTS.generator",
	} {
		t.Run(subject, func(t *testing.T) {
			t.Parallel()
			b, limited := testbed.StartLimited(t, subject)
			require.NoError(t, b.JS.DeleteStream(bounded(t), topology.DeadLetters))
			_, err := setup.Apply(t.Context(), limited, topology.Settings{AckWait: time.Second})
			require.ErrorIs(t, err, nats.ErrPermissionViolation)
			require.ErrorContains(t, err, "a permission is missing")
			require.ErrorContains(t, err, subject)
		})
	}
}

func TestSetupWaitsForTheBroker(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	js := jetStream(t, b)
	b.Stop()
	done := make(chan error, 1)
	go func() {
		_, err := setup.Apply(bounded(t), js, topology.Settings{})
		done <- err
	}()
	b.Restart()
	require.NoError(t, <-done)

	b.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := setup.Apply(ctx, js, topology.Settings{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, nats.ErrDisconnected, "it says why")
}

func TestSetupOnAClosedConnection(t *testing.T) {
	t.Parallel()
	js := jetStream(t, brokertest.Start(t))
	js.Conn().Close()
	_, err := setup.Apply(t.Context(), js, topology.Settings{})
	require.ErrorIs(t, err, nats.ErrConnectionClosed)
}
