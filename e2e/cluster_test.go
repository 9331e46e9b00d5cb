package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/demo/embedded"
	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/topology"
)

// On three nodes neither side notices that the leader of a queue goes away.
func TestStreamLeaderShutDownUnderLoad(t *testing.T) {
	t.Parallel()
	cluster := brokertest.StartCluster(t)
	d := startOn(t, cluster.URL(), func(o *embedded.Options) { o.Topology.Replicas = 3 })
	d.scale(2, 2)
	asking := make(chan int)
	go func() {
		total := 0
		for range 20 {
			total += len(d.ask(100))
		}
		asking <- total
	}()
	for _, stream := range []string{topology.Requests, "KV_" + topology.Stored} {
		d.eventually(func() bool { return d.count(topology.Received) > 0 }, "under load")
		leader := cluster.StreamLeader(stream)
		leader.Stop()
		before := d.count(topology.Received)
		d.eventually(func() bool { return d.count(topology.Received) > before || before == 2000 }, "the services go on without the leader of %s", stream)
		leader.Restart()
		cluster.WaitReady()
	}
	verdict := d.proven(<-asking)
	require.Zero(t, verdict.Lost)
}
