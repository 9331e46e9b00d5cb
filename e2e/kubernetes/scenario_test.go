package kubernetes_test

import (
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"decoupled.example/demo/kubernetes"
	"decoupled.example/demo/scenario"
	"decoupled.example/demo/stage"
)

// Scenarios play on a cluster: one in which services are scaled, and one in which
// the broker goes. All others do, too, and take longer than a test may.
func TestScenariosOnKubernetes(t *testing.T) {
	t.Parallel()
	needsCluster(t)
	for _, name := range []string{"scale-to-zero", "broker-restart"} {
		one, err := scenario.Find(name)
		require.NoError(t, err)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := one.Run(t.Context(), kubernetes.Kind, stage.Options{
				Seed: 1, Requests: 1000, Teller: teller{t}, Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.ErrorLevel),
			})
			require.Equal(t, stage.Holds, result.Verdict, result.Why)
		})
	}
}

// teller tells a scenario in a test's log.
type teller struct{ t *testing.T }

func (t teller) Step(text string)       { t.t.Log("▸", text) }
func (t teller) Saw(text string)        { t.t.Log("   ", text) }
func (t teller) Sampled(_ stage.Sample) {}
func (t teller) Judged(c stage.Check)   { t.t.Logf("%v: %s: %s", c.Holds, c.Claim, c.Observed) }
