package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/status"
	"decoupled.example/demo/embedded"
	"decoupled.example/shared/topology"
)

// answered is how many requests each generator has answered, by its instance.
func (d *deployment) answered() map[string]int64 {
	d.t.Helper()
	replicas, err := status.Replicas(d.context(), d.Conn)
	require.NoError(d.t, err)
	counts := make(map[string]int64)
	for _, r := range replicas {
		if r.Service == topology.Generator {
			counts[r.Instance] = r.Counts["answered"]
		}
	}
	return counts
}

func TestReplicasShareEvenly(t *testing.T) {
	t.Parallel()
	const n, replicas = 4000, 4
	d := start(t, func(o *embedded.Options) { o.Generator.Work = 5 * time.Millisecond })
	d.scale(1, replicas)
	d.ask(n)
	d.drained()

	shares := d.answered()
	require.Len(t, shares, replicas)
	for replica, share := range shares {
		require.InEpsilon(t, n/replicas, share, 0.10, "the share of %s of %v", replica, shares)
	}
	d.proven(n)
}

func TestLateReplicaGetsItsShareAtOnce(t *testing.T) {
	t.Parallel()
	const n, early = 3000, 3
	d := start(t, func(o *embedded.Options) { o.Generator.Work = 5 * time.Millisecond })
	d.ask(n)
	d.scale(1, early)
	d.eventually(func() bool { return d.count(topology.Generated) > n/4 }, "the backlog is in progress")
	before := d.answered()
	require.Len(t, before, early)
	d.scale(1, early+1)
	d.drained()

	after := d.answered()
	require.Len(t, after, early+1)
	var late, others int64
	for replica, count := range after {
		if done, was := before[replica]; was {
			others += count - done
		} else {
			late = count
		}
	}
	// Its fair share is as much as each of the others did meanwhile.
	require.InEpsilon(t, others/early, late, 0.20, "the late one did %d, the others %d together", late, others)
	d.proven(n)
}
