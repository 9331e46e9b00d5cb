package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/demo/deployment"
	"decoupled.example/demo/stage"
	"decoupled.example/shared/topology"
)

func TestRequestorAsksAtItsRateUntilItsCount(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it is about processes of their own, of which the race detector sees nothing")
	}
	result := stage.Play(t.Context(), programs.Kind(), deployment.Needs{}, stage.Options{Teller: teller{t}, Log: logger(t)}, func(s *stage.Stage) {
		s.Configure(func(c *deployment.Settings) {
			c.Requestor.Rate, c.Requestor.Count = 500, 300
		})
		s.Scale(2, 1)
		s.Until("all is stored", func() bool { return s.Count(topology.Stored) == 600 })
		s.Drained() // the last receipts may still be on their way
		s.Verified(600)
		s.Alive(2, 1)
	})
	require.Equal(t, stage.Holds, result.Verdict, result.Why)
}
