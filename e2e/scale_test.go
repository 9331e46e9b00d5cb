package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/drain"
	"decoupled.example/demo/embedded"
	"decoupled.example/shared/topology"
)

// work is what one string takes where a test must see things happen.
const work = 2 * time.Millisecond

func TestGeneratorsScaledToZeroAndBack(t *testing.T) {
	t.Parallel()
	const n = 1000
	d := start(t, func(o *embedded.Options) { o.Generator.Work = work })
	d.scale(1, 2)
	d.ask(50)
	d.proven(50)

	d.scale(1, 0)
	d.ask(n)
	for range 20 { // it stays
		require.EqualValues(t, n, d.depths()[topology.Requests].Messages)
	}

	d.scale(1, 1)
	samples := d.watchUntilDrained(n + 50)
	require.Greater(t, samples, 10, "the depth falls little by little")
	d.proven(n + 50)
}

func TestRequestorScaledToZeroAndBack(t *testing.T) {
	t.Parallel()
	const n = 1000
	d := start(t)
	d.scale(0, 2)
	d.ask(n)
	d.eventually(func() bool { return d.depths()[topology.Responses].Messages == n }, "all responses wait")
	require.Zero(t, d.count(topology.Stored))

	d.scale(1, 2)
	d.watchUntilDrained(n)
	d.proven(n)
}

// watchUntilDrained samples the depths while they fall, and requires of every
// sample that it tells no less than what is unfinished. It returns how many
// different depths it saw.
func (d *deployment) watchUntilDrained(total int) int {
	d.t.Helper()
	seen := make(map[uint64]bool)
	var last drain.Snapshot
	d.eventually(func() bool {
		drained, snapshot, err := drain.Check(d.context(), d.JS)
		require.NoError(d.t, err)
		// What is no longer in REQUESTS is in the ledger behind it. The ledger
		// only grows, so reading it later can only be in the queue's favour.
		require.GreaterOrEqual(d.t, d.count(topology.Generated)+int(snapshot[0].Messages), total,
			"the depth says less than is unfinished: %s", snapshot)
		if drained {
			require.Equal(d.t, total, d.count(topology.Received), "drained, and not all is finished")
		}
		if snapshot.Unfinished() == 0 {
			require.Equal(d.t, total, d.count(topology.Received), "all depths are 0, and not all is finished")
		}
		seen[snapshot.Unfinished()] = true
		last = snapshot
		return drained
	}, "not drained: %v", last)
	return len(seen)
}
