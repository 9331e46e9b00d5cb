package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/demo/deployment"
	"decoupled.example/demo/stage"
	"decoupled.example/shared/topology"
)

// A replica that is told to stop leaves nothing behind that others would have to
// wait for: with an AckWait of an hour, whoever comes next gets it at once.
func TestTerminatedReplicasStrandNothing(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it is about processes of their own, of which the race detector sees nothing")
	}
	const n = 20_000
	needs := deployment.Needs{Topology: topology.Settings{AckWait: time.Hour}}
	result := stage.Play(t.Context(), programs.Kind(), needs, stage.Options{Teller: teller{t}, Log: logger(t)}, func(s *stage.Stage) {
		s.Ask(n)
		for round := 1; round <= 3; round++ {
			s.Scale(1, 1)
			s.Until("under load", func() bool { return s.Count(topology.Received) >= round*n/10 })
			s.ScaleGenerators(0) // fails if one does not end with exit code 0: under load all have begun
			s.ScaleRequestors(0)
		}
		s.Scale(1, 1)
		s.Drained()
		s.Verified(n)
	})
	require.Equal(t, stage.Holds, result.Verdict, result.Why)
}
