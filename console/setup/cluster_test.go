package setup_test

import (
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/setup"
	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/topology"
)

// Right after its nodes were started a cluster has no leader. Setup waits.
func TestSetupOnThreeNodesThatJustStarted(t *testing.T) {
	t.Parallel()
	cluster := brokertest.StartCluster(t)
	for _, node := range cluster.Nodes {
		node.Stop()
	}
	var js []jetstream.JetStream
	for _, node := range cluster.Nodes { // now, as a node that is being started has no address to ask for
		js = append(js, jetStream(t, node))
	}
	var running sync.WaitGroup
	results := make([]setup.Result, len(cluster.Nodes))
	errs := make([]error, len(cluster.Nodes))
	for i, node := range cluster.Nodes {
		running.Go(node.Restart)
		running.Go(func() { results[i], errs[i] = setup.Apply(bounded(t), js[i], topology.Settings{Replicas: 3}) })
	}
	running.Wait()
	for i := range cluster.Nodes {
		require.NoError(t, errs[i])
		require.ElementsMatch(t, all, append(results[i].Created, results[i].Present...))
	}

	operator, err := jetstream.New(cluster.Connect())
	require.NoError(t, err)
	for _, config := range everything(t, operator) {
		if stream, ok := config.(jetstream.StreamConfig); ok {
			require.Equal(t, 3, stream.Replicas)
		}
	}
	_, err = setup.Apply(bounded(t), operator, topology.Settings{Replicas: 1})
	var different *setup.DifferentError
	require.ErrorAs(t, err, &different)
	require.Contains(t, different.Differences, "REQUESTS: num_replicas is 3, should be 1")
	require.Len(t, different.Differences, 9, "one for each stream")

	before := everything(t, operator)
	_, err = setup.Update(bounded(t), operator, topology.Settings{Replicas: 1})
	require.ErrorContains(t, err, "REQUESTS: num_replicas is 3, should be 1: fewer replicas would survive less; give --replicas")
	require.Equal(t, before, everything(t, operator), "an update takes no replica away")
}
