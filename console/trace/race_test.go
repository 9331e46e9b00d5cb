package trace

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/deadletter"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/generator"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/topology"
)

// A request that is set aside and redriven between two readings is not lost,
// although the queues were empty a moment ago and there is no letter now.
func TestRedriveWhileTracing(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	id := contract.NewID()
	b.Keep(topology.Asked, ledger.Entry{ID: id})
	b.PublishUnreadable(topology.SubjectRequest, id)
	dead, err := deadletter.Open(b.Context(), b.JS)
	require.NoError(t, err)
	r, err := newReader(b.Context(), b.JS, b.Topology)
	require.NoError(t, err)

	settled := r.settled
	r.settled = func(ctx context.Context, look func(ctx context.Context) error) (bool, error) {
		stop := b.Generator(generator.Options{})
		b.Eventually(func() bool { return b.Messages(topology.Requests) == 0 }, "dead-lettered")
		stop()
		looked := false
		lost, err := settled(ctx, func(ctx context.Context) error {
			looked = true
			for letter, err := range dead.All(ctx) {
				require.NoError(t, err)
				require.NoError(t, dead.Redrive(ctx, letter))
			}
			return look(ctx)
		})
		require.True(t, looked, "the queues are empty")
		return lost, err
	}
	trace, err := r.trace(b.Context(), id)
	require.NoError(t, err)
	require.Nil(t, trace.DeadLetter)
	require.Equal(t, "it is in REQUESTS", trace.Where)
}
