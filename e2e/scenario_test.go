package e2e_test

import (
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"decoupled.example/demo/deployment"
	"decoupled.example/demo/embedded"
	"decoupled.example/demo/processes"
	"decoupled.example/demo/scenario"
	"decoupled.example/demo/stage"
)

// By default each scenario takes as few requests as show what it is about. The
// long run is
//
//	go test ./e2e -run Scenarios -timeout 8h -scenario.requests 100000 -scenario.long
var (
	scenarioRequests = flag.Int("scenario.requests", 0, "requests of each scenario; 0: as many as make it take some seconds")
	scenarioLong     = flag.Bool("scenario.long", false, "also judge what depends on the machine's speed")
	scenarioSeed     = flag.Uint64("scenario.seed", 0, "repeat what this seed has made random; 0: another one each time")
)

// programs are the services' binaries, built once.
var programs processes.Programs

// What the project claims, on every kind of deployment that needs nothing but Go.
// These are the very scenarios that anyone can run.
func TestScenarios(t *testing.T) {
	t.Parallel()
	kinds := []deployment.Kind{embedded.Kind, programs.Kind()}
	if testing.Short() {
		kinds = kinds[:1]
	}
	for _, kind := range kinds {
		for _, one := range scenario.All {
			t.Run(one.Name+"/"+kind.Name, func(t *testing.T) {
				t.Parallel()
				play(t, one, kind)
			})
		}
	}
}

func play(t *testing.T, one scenario.Scenario, kind deployment.Kind) {
	t.Helper()
	seed := *scenarioSeed
	if seed == 0 {
		seed = uint64(rand.Uint32()) + 1
	}
	t.Logf("play it again with -scenario.seed %d", seed)
	result := one.Run(t.Context(), kind, stage.Options{
		Seed: seed, Requests: *scenarioRequests, Long: *scenarioLong,
		Teller: teller{t}, Log: logger(t).Level(zerolog.ErrorLevel),
	})
	require.Equal(t, stage.Holds, result.Verdict, result.Why)
	for _, m := range result.Measured {
		t.Logf("%s: %.2f %s", m.Name, m.Value, m.Unit)
	}
}

// logger shows what the services say when the test fails.
func logger(t *testing.T) zerolog.Logger {
	t.Helper()
	return zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel)
}

// teller tells a scenario in a test's log.
type teller struct{ t *testing.T }

func (t teller) Step(text string)       { t.t.Log("▸", text) }
func (t teller) Saw(text string)        { t.t.Log("   ", text) }
func (t teller) Sampled(_ stage.Sample) {}
func (t teller) Judged(c stage.Check)   { t.t.Logf("%v: %s: %s", c.Holds, c.Claim, c.Observed) }
