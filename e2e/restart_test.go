package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/topology"
)

// fillAllQueues leaves n messages in each queue, with no replica running, and
// returns how many requests that took.
func (d *deployment) fillAllQueues(n int) int {
	d.t.Helper()
	holds := func(queue string) {
		d.eventually(func() bool { return d.depths()[queue].Messages == uint64(n) }, "%s holds %d", queue, n)
	}
	d.scale(0, 1)
	d.ask(n)
	holds(topology.Responses)
	d.scale(0, 0)
	d.scale(1, 0)
	holds(topology.Receipts)
	d.scale(0, 0)

	// The generator must answer these and leave the receipts.
	d.pause(topology.Receipts, topology.Generator)
	d.ask(n)
	d.scale(0, 1)
	holds(topology.Responses)
	d.scale(0, 0)
	d.resume(topology.Receipts, topology.Generator)

	d.ask(n)
	for _, queue := range topology.QueueNames {
		require.EqualValues(d.t, n, d.depths()[queue].Messages, queue)
	}
	return 3 * n
}

func TestBrokerRestartedWithDataInAllQueues(t *testing.T) {
	t.Parallel()
	d := start(t)
	total := d.fillAllQueues(200)

	d.broker.Restart()

	d.scale(1, 1)
	d.proven(total)
}

func TestBrokerRestartedUnderLoad(t *testing.T) {
	t.Parallel()
	d := start(t)
	d.scale(2, 2)
	asking := make(chan int)
	go func() {
		total := 0
		for range 10 {
			total += len(d.ask(300))
		}
		asking <- total
	}()
	for restarts := 1; restarts <= 3; restarts++ {
		before := d.count(topology.Received)
		d.broker.Restart()
		d.eventually(func() bool { return d.count(topology.Received) > before || before == 3000 }, "the services go on after restart %d", restarts)
	}
	d.proven(<-asking)
}
