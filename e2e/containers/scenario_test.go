package containers_test

import (
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"decoupled.example/demo/compose"
	"decoupled.example/demo/scenario"
	"decoupled.example/demo/stage"
)

// Scenarios play on docker compose: one with a node, in which both services are
// killed, and one with three. All others do, too, and take longer than a test may.
func TestScenariosOnCompose(t *testing.T) {
	t.Parallel()
	long(t)
	docker(t)
	composes(t)
	for _, one := range scenario.All {
		if one.Name != "crash" && one.Name != "failover" {
			continue
		}
		t.Run(one.Name, func(t *testing.T) {
			t.Parallel()
			result := one.Run(t.Context(), compose.Kind, stage.Options{
				Seed: 1, Requests: 500, Teller: teller{t}, Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.ErrorLevel),
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
