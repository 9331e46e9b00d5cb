package e2e_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/demo/embedded"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	d := start(t)
	d.scale(1, 2)
	asked := d.ask(5000)
	d.proven(len(asked))

	// What was stored is a string of the contract's form, of its own for each.
	seen := make(map[string]bool)
	for entry, err := range d.Topology.Ledger(topology.Stored).All(t.Context()) {
		require.NoError(t, err)
		var response contract.Response
		require.NoError(t, json.Unmarshal(entry.Value, &response))
		require.NoError(t, response.Validate())
		require.Equal(t, entry.ID, response.ID)
		require.False(t, seen[response.String], "the same string for two requests")
		seen[response.String] = true
	}
	require.Len(t, seen, len(asked))
	for queue, x := range d.depths() {
		require.Zero(t, x.Repeated, "%s delivered a message twice although nothing failed", queue)
	}
}

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

func TestEitherSideMayComeFirst(t *testing.T) {
	t.Parallel()
	t.Run("a requestor with no generator ever started", func(t *testing.T) {
		t.Parallel()
		d := start(t)
		d.scale(1, 0)
		d.ask(200)
		require.EqualValues(t, 200, d.depths()[topology.Requests].Messages)
		d.scale(1, 1)
		d.proven(200)
	})
	t.Run("a generator with no requestor ever started", func(t *testing.T) {
		t.Parallel()
		d := start(t)
		d.scale(0, 1)
		d.ask(200)
		d.eventually(func() bool { return d.depths()[topology.Responses].Messages == 200 }, "the responses wait")
		d.scale(1, 1)
		d.proven(200)
	})
}
