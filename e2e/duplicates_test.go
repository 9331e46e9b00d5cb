package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/contract"
)

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
