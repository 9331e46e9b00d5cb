package queue_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

// work takes 5 ms a message.
func work(done *atomic.Int64) queue.Handler[request] {
	return func(_ context.Context, batch []queue.Message[request]) error {
		for range batch {
			<-time.After(5 * time.Millisecond)
		}
		done.Add(int64(len(batch)))
		return nil
	}
}

func TestReplicasShareEvenly(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	const n, replicas = 4000, 4
	f.publish(f.requests(), n)
	var done [replicas]atomic.Int64
	for i := range done {
		f.consume(f.requests(), work(&done[i]))
	}
	f.drained()
	for i := range done {
		require.InDelta(t, n/replicas, done[i].Load(), 0.1*n/replicas, "share of replica %d", i+1)
	}
}

func TestReplicaThatJoinsLateGetsItsShare(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	const n, replicas = 3000, 3
	f.publish(f.requests(), n)
	var early [replicas - 1]atomic.Int64
	for i := range early {
		f.consume(f.requests(), work(&early[i]))
	}
	f.eventually(func() bool { return early[0].Load()+early[1].Load() >= n/4 }, "nothing is done")
	var late atomic.Int64
	left := f.left()
	f.consume(f.requests(), work(&late))
	f.drained()
	require.Greater(t, late.Load(), int64(left/replicas*8/10), "of %d left", left)
}
