package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/deadletter"
	"decoupled.example/demo/deployment"
	"decoupled.example/demo/embedded"
	"decoupled.example/demo/stage"
	"decoupled.example/shared/topology"
)

// One message that kills every process that touches it, among a thousand that
// do not: it alone is set aside, and a generator that survives it finishes it.
func TestMessageThatKillsItsProcess(t *testing.T) {
	t.Parallel()
	const n = 1000
	needs := deployment.Needs{Topology: topology.Settings{AckWait: 300 * time.Millisecond}}
	result := stage.Play(t.Context(), embedded.Kind, needs, stage.Options{Teller: teller{t}, Log: logger(t)}, func(s *stage.Stage) {
		deadly := s.Ask(n)[n/3].ID
		crashes := 0
		for s.Depth(topology.Requests) > 0 {
			g := self(t, "killer", "NATS_URL="+s.Operator().Conn.ConnectedUrl(), "DEADLY="+deadly)
			s.Until("it crashes, or is done", func() bool { return g.hasEnded() || s.Depth(topology.Requests) == 0 })
			if !g.hasEnded() {
				require.Zero(t, g.terminate())
				continue
			}
			crashes++
			require.LessOrEqual(t, crashes, 30, "it is never dead-lettered")
		}
		s.Report("%d processes died of it", crashes)
		dead, err := deadletter.Open(t.Context(), s.Operator().JS)
		s.Must(err)
		var all []deadletter.Message
		for letter, err := range dead.All(t.Context()) {
			s.Must(err)
			all = append(all, letter)
		}
		s.Holds("only the killer is dead-lettered", len(all) == 1 && all[0].RequestID == deadly && all[0].Queue == topology.Requests, "%+v", all)

		s.Scale(1, 1)
		s.Drained()
		v := s.Verify()
		s.Holds("all others are complete", v.Finished() && v.Complete == n-1 && v.Dead == 1, "%+v", v)
		s.Must(dead.Redrive(t.Context(), all[0]))
		s.Drained()
		s.Verified(n)
	})
	require.Equal(t, stage.Holds, result.Verdict, result.Why)
}
