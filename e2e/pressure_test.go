package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/demo/embedded"
	"decoupled.example/shared/topology"
)

// A full queue slows the requestor down. It goes on when there is room, and
// nothing is lost.
func TestFullQueueSlowsThePublisher(t *testing.T) {
	t.Parallel()
	const n, maxBytes = 3000, 256 << 10
	d := start(t, func(o *embedded.Options) {
		o.Topology.MaxBytes = maxBytes
		o.Requestor.Rate, o.Requestor.Count, o.Requestor.UntilStored = 100_000, n, true
	})
	d.scale(1, 0)
	d.eventually(func() bool {
		stream, err := d.JS.Stream(t.Context(), topology.Requests)
		require.NoError(t, err)
		return stream.CachedInfo().State.Bytes > maxBytes-1024
	}, "the queue is full")
	full := d.depths()[topology.Requests].Messages
	require.Less(t, full, uint64(n), "the limit is too large for this test")
	require.LessOrEqual(t, d.count(topology.Asked), int(full), "nothing is asked that is not stored")

	d.scale(1, 1)
	require.NoError(t, d.Requestors.Wait())
	require.NoError(t, d.Requestors.Scale(0))
	d.scale(1, 1) // RECEIPTS may have been full too
	d.drained()
	verdict := d.verdict()
	require.True(t, verdict.Finished(), "%+v", verdict)
	require.GreaterOrEqual(t, int(verdict.Complete), n)
}
