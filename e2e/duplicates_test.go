package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/topology"
)

// A publisher that repeats itself within the broker's window is stopped there;
// after a restart the broker has forgotten, and only the ledgers are left.
func TestDuplicatesHaveOneEffect(t *testing.T) {
	t.Parallel()
	const n = 300
	d := start(t)
	d.scale(1, 2)
	asked := d.ask(n)
	d.proven(n)
	before := d.entries(topology.Stored)

	repeat := func() {
		require.NoError(t, d.Topology.Requests.Publish(t.Context(), asked...))
		for _, e := range before {
			require.NoError(t, d.Topology.Receipts.Publish(t.Context(), contract.NewReceipt(e.ID, time.Now())))
		}
	}
	repeat() // the broker knows them
	require.Zero(t, d.depths()[topology.Requests].Repeated)
	d.proven(n)

	d.scale(0, 0)
	d.broker.Restart()
	repeat()
	require.EqualValues(t, n, d.depths()[topology.Requests].Messages, "after a restart the broker takes them for new")
	d.scale(1, 2)
	d.proven(n)
	require.Equal(t, before, d.entries(topology.Stored), "the very same strings, stored once")
}

// A response that nobody generated is stored, and verification says so.
func TestResponseThatNobodyAskedFor(t *testing.T) {
	t.Parallel()
	d := start(t)
	d.scale(1, 1)
	d.ask(10)
	stranger := contract.NewResponse(contract.NewID(), contract.NewString(), time.Now())
	require.NoError(t, d.Topology.Responses.Publish(t.Context(), stranger))
	require.NoError(t, d.Topology.Receipts.Publish(t.Context(), contract.NewReceipt(contract.NewID(), time.Now())))
	d.drained()

	verdict := d.verdict()
	require.EqualValues(t, 10, verdict.Complete)
	require.EqualValues(t, 2, verdict.Unexpected, "%+v", verdict)
	require.False(t, verdict.OK())
}

// entries are all entries of a ledger, without the times of storing.
func (d *deployment) entries(name string) []ledger.Entry {
	d.t.Helper()
	var all []ledger.Entry
	for e, err := range d.Topology.Ledger(name).All(d.context()) {
		require.NoError(d.t, err)
		all = append(all, e)
	}
	return all
}
