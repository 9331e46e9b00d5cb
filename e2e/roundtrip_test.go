package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/demo/embedded"
	"decoupled.example/shared/topology"
)

func TestRequestorAsksAtItsRateUntilItsCountIsStored(t *testing.T) {
	t.Parallel()
	d := start(t, func(o *embedded.Options) {
		o.Requestor.Rate, o.Requestor.Count, o.Requestor.UntilStored = 500, 300, true
	})
	d.scale(2, 1)
	require.NoError(t, d.Requestors.Wait(), "both exit by themselves")
	require.Equal(t, 600, d.count(topology.Asked))
	require.Equal(t, 600, d.count(topology.Stored))
	require.NoError(t, d.Requestors.Scale(0))

	// The last receipts may still be on their way.
	d.proven(600)
}
