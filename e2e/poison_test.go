package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/letters"
	"decoupled.example/demo/embedded"
	"decoupled.example/shared/topology"
)

func (d *system) letters() (*letters.Letters, []letters.Letter) {
	d.t.Helper()
	dead, err := letters.Open(d.context(), d.JS)
	require.NoError(d.t, err)
	var all []letters.Letter
	for letter, err := range dead.All(d.context()) {
		require.NoError(d.t, err)
		all = append(all, letter)
	}
	return dead, all
}

// One message that kills every process that touches it, among a thousand that
// do not: it alone is set aside, and a generator that survives it finishes it.
func TestMessageThatKillsItsProcess(t *testing.T) {
	t.Parallel()
	const n = 1000
	d := start(t, func(o *embedded.Options) { o.Topology.AckWait = 300 * time.Millisecond })
	asked := d.ask(n)
	deadly := asked[n/3].ID

	crashes := 0
	for d.depths()[topology.Requests].Messages > 0 {
		g := self(t, "killer", "NATS_URL="+d.broker.URL(), "DEADLY="+deadly)
		d.eventually(func() bool {
			select {
			case <-g.ended:
				return true
			default:
				return d.depths()[topology.Requests].Messages == 0
			}
		}, "it crashes, or is done")
		select {
		case <-g.ended:
			crashes++
			require.LessOrEqual(t, crashes, 30, "it is never set aside")
		default:
			require.Zero(t, g.terminate())
		}
	}
	t.Logf("%d processes died of it", crashes)
	dead, all := d.letters()
	require.Len(t, all, 1, "only the killer is set aside")
	require.Equal(t, deadly, all[0].RequestID)
	require.Equal(t, topology.Requests, all[0].Queue)

	d.scale(1, 1)
	d.drained()
	verdict := d.verdict()
	require.EqualValues(t, n-1, verdict.Complete)
	require.EqualValues(t, 1, verdict.Dead)
	require.True(t, verdict.Finished(), "%+v", verdict)

	require.NoError(t, dead.Redrive(d.context(), all[0]))
	d.proven(n)
}
