package status

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/internal/testbed"
	"decoupled.example/generator"
	"decoupled.example/requestor"
	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

func TestEachReplicaAnswersOnce(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	var stops []func()
	for range 3 {
		stops = append(stops, b.Generator(generator.Options{}))
	}
	for range 2 {
		b.Requestor(requestor.Options{})
	}
	count := func() map[string]int {
		replicas, err := Replicas(b.Context(), b.Conn)
		require.NoError(t, err)
		counts, instances := make(map[string]int), make(map[string]bool)
		for _, r := range replicas {
			require.False(t, instances[r.Instance], "answered twice")
			instances[r.Instance] = true
			counts[r.Service]++
			require.NotEmpty(t, r.Host)
			require.False(t, r.Started.IsZero())
			if _, ok := r.Counts["redelivered"]; !ok { // it answers before it works
				return nil
			}
		}
		return counts
	}
	b.Eventually(func() bool { return count()[topology.Requestor] == 2 }, "all are up")
	require.Equal(t, map[string]int{topology.Generator: 3, topology.Requestor: 2}, count())
	stops[0]()
	b.Eventually(func() bool { return count()[topology.Generator] == 2 }, "one is gone")
}

// Where nobody is alive the broker says so, and nobody waits: neither when both
// services are away, nor for the one that is while the other answers.
func TestReplicas_ReturnsAtOnceWithoutReplicas(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	replicas, err := answers(b.Context(), b.Conn, time.Hour, time.Hour)
	require.NoError(t, err)
	require.Empty(t, replicas)

	b.Generator(generator.Options{})
	b.Eventually(func() bool {
		replicas, err = answers(b.Context(), b.Conn, time.Hour, nextWithin)
		require.NoError(t, err)
		return len(replicas) == 1
	}, "it is up")
}

// What answers and is no replica is not counted, and who does not answer holds
// up nobody for long.
func TestAnswersOfOthers(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Generator(generator.Options{})
	stranger := b.Broker.Connect()
	for _, answer := range []string{"", "not JSON", "{}", `{"service":""}`, `{"service":5}`, "[]"} {
		_, err := stranger.Subscribe(service.StatusSubject(topology.Requestor), func(m *nats.Msg) { _ = m.Respond([]byte(answer)) })
		require.NoError(t, err)
	}
	_, err := stranger.SubscribeSync(service.StatusSubject(topology.Requestor)) // as a frozen process
	require.NoError(t, err)
	require.NoError(t, stranger.Flush())
	b.Eventually(func() bool {
		replicas, err := Replicas(b.Context(), b.Conn)
		require.NoError(t, err)
		return len(replicas) == 1 && replicas[0].Service == topology.Generator
	}, "only the generator counts")

	b = testbed.Start(t)
	_, err = b.Broker.Connect().SubscribeSync(service.StatusSubject(topology.Generator))
	require.NoError(t, err)
	replicas, err := Replicas(b.Context(), b.Conn)
	require.NoError(t, err)
	require.Empty(t, replicas)
}

func TestReplicas_DuringAnOutage(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Generator(generator.Options{})
	b.Broker.Stop()
	b.Eventually(func() bool { return !b.Conn.IsConnected() }, "it is gone")
	ended, end := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer end()
	_, err := Replicas(ended, b.Conn)
	require.ErrorIs(t, err, nats.ErrDisconnected, "that nobody is alive nobody knows")
	require.ErrorContains(t, err, "cannot ask the replicas")

	b.Broker.Restart()
	b.Eventually(func() bool {
		replicas, err := Replicas(b.Context(), b.Conn)
		require.NoError(t, err)
		return len(replicas) == 1
	}, "it is back")

	b.Conn.Close()
	_, err = Replicas(b.Context(), b.Conn)
	require.ErrorIs(t, err, nats.ErrConnectionClosed)
}

func TestReplicasWithoutPermission(t *testing.T) {
	t.Parallel()
	b, limited := testbed.StartLimited(t, service.StatusSubject(topology.Generator))
	b.Generator(generator.Options{})
	_, err := Replicas(b.Context(), limited.Conn())
	require.ErrorIs(t, err, nats.ErrPermissionViolation)
	require.ErrorContains(t, err, service.StatusSubject(topology.Generator))
}

// A question on one node of a cluster reaches the replicas on the others.
func TestReplicasOnThreeNodes(t *testing.T) {
	t.Parallel()
	cluster := brokertest.StartCluster(t)
	b := testbed.On(t, cluster.URL(), func(s *topology.Settings) { s.Replicas = 3 })
	for range 3 {
		b.Generator(generator.Options{})
	}
	for _, node := range cluster.Nodes {
		nc := node.Connect()
		b.Eventually(func() bool {
			replicas, err := Replicas(b.Context(), nc)
			require.NoError(t, err)
			return len(replicas) == 3
		}, "all answer")
	}
}
