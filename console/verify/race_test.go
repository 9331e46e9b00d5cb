package verify

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/deadletter"
	"decoupled.example/console/drain"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/generator"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/topology"
)

// interrupted is a ledger on whose reading of that number something happens.
type interrupted struct {
	ledger.Ledger
	number int
	happen func()
}

func (l *interrupted) Get(ctx context.Context, ids ...string) ([]ledger.Entry, error) {
	if l.number--; l.number == 0 {
		l.happen()
	}
	return l.Ledger.Get(ctx, ids...)
}

// A letter that is redriven while its request is judged is not lost, although
// the queues were empty a moment ago and there is no letter now.
func TestRedriveWhileVerifying(t *testing.T) {
	t.Parallel()
	for number := range 3 {
		b := testbed.Start(t)
		b.PlantDead(1)
		dead, err := deadletter.Open(b.Context(), b.JS)
		require.NoError(t, err)
		v, err := newVerifier(b.Context(), b.JS, b.Topology)
		require.NoError(t, err)
		v.generated = &interrupted{v.generated, number + 1, func() {
			for letter, err := range dead.All(b.Context()) {
				require.NoError(t, err)
				require.NoError(t, dead.Redrive(b.Context(), letter))
			}
		}}
		require.NoError(t, v.run(b.Context()))
		require.True(t, v.verdict.OK(), "redriven at reading %d: %+v", number+1, v.verdict)
		require.EqualValues(t, 1, v.verdict.Outstanding+v.verdict.Dead, "%+v", v.verdict)
	}
}

// A request that is answered, or set aside, while it is judged is not lost.
func TestProgressWhileVerifying(t *testing.T) {
	t.Parallel()
	for number := range 3 {
		b := testbed.Start(t)
		asked := b.Ask(1)
		b.PublishUnreadable(topology.SubjectRequest, "01900000-0000-7000-8000-000000000000")
		b.Keep(topology.Asked, ledger.Entry{ID: "01900000-0000-7000-8000-000000000000"})
		v, err := newVerifier(b.Context(), b.JS, b.Topology)
		require.NoError(t, err)
		v.generated = &interrupted{v.generated, number + 1, func() {
			stop := b.Generator(generator.Options{})
			b.Eventually(func() bool { return b.Messages(topology.Requests) == 0 }, "done")
			stop()
		}}
		require.NoError(t, v.run(b.Context()))
		require.True(t, v.verdict.OK(), "done at reading %d of %v: %+v", number+1, asked, v.verdict)
		require.EqualValues(t, 2, v.verdict.Outstanding+v.verdict.Dead, "%+v", v.verdict)
	}
}

// A request that is finished between being found incomplete and the queues being
// found empty is complete, whatever letter there is.
func TestFinishedWhileVerifying(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	_, err := b.JS.Publish(b.Context(), "dead.REQUESTS."+b.Ask(1)[0].ID, nil)
	require.NoError(t, err)
	v, err := newVerifier(b.Context(), b.JS, b.Topology)
	require.NoError(t, err)
	v.received = &interrupted{v.received, 1, func() { // after the first ledger was read
		b.Services()
		require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
	}}
	require.NoError(t, v.run(b.Context()))
	require.EqualValues(t, 1, v.verdict.Complete, "%+v", v.verdict)
	require.True(t, v.verdict.Finished(), "%+v", v.verdict)
}
