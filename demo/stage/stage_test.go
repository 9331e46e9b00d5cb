package stage_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"decoupled.example/demo/deployment"
	"decoupled.example/demo/embedded"
	"decoupled.example/demo/stage"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/topology"
)

func play(ctx context.Context, scenario func(s *stage.Stage)) stage.Result {
	return stage.Play(ctx, embedded.Kind, deployment.Needs{}, stage.Options{Seed: 1, Log: zerolog.Nop()}, scenario)
}

// The verdict of nearly all scenarios can fail, for each of its reasons.
func TestVerifiedSeesWhatIsWrong(t *testing.T) {
	t.Parallel()
	const n = 20
	id := contract.NewID()
	keep := func(s *stage.Stage, ledgerName, value string) {
		_, err := s.Operator().Topology.Ledger(ledgerName).PutIfAbsent(s.Context(), ledger.Entry{ID: id, Value: []byte(value)})
		require.NoError(t, err)
	}
	response := func() string {
		return fmt.Sprintf(`{"id":%q,"string":%q,"generated_at":"2026-01-02T03:04:05Z"}`, id, contract.NewString())
	}
	for name, plant := range map[string]func(s *stage.Stage){
		"lost": func(s *stage.Stage) { keep(s, topology.Asked, `{}`) },
		"1 duplicated": func(s *stage.Stage) {
			keep(s, topology.Asked, `{}`)
			keep(s, topology.Generated, response())
			keep(s, topology.Stored, response())
			keep(s, topology.Received, `{}`)
		},
		"unexpected": func(s *stage.Stage) { keep(s, topology.Received, `{}`) },
		"left":       func(s *stage.Stage) { s.ScaleGenerators(0); s.Ask(1) },
		"dead-lettered": func(s *stage.Stage) {
			_, err := s.Operator().JS.Publish(s.Context(), topology.SubjectRequest, []byte("rubbish"))
			require.NoError(t, err)
			s.Drained()
		},
		"of 20, 21 complete": func(s *stage.Stage) { s.Ask(1); s.Drained() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := play(t.Context(), func(s *stage.Stage) {
				s.Scale(1, 1)
				s.Ask(n)
				s.Drained()
				plant(s)
				s.Verified(n)
			})
			require.Equal(t, stage.Fails, result.Verdict)
			require.Empty(t, result.Why, "it was played to its end")
			require.Len(t, result.Checks, 1)
			require.Contains(t, result.Checks[0].Observed, name)
		})
	}
	result := play(t.Context(), func(s *stage.Stage) {
		s.Scale(1, 1)
		s.Ask(n)
		s.Drained()
		s.Verified(n)
	})
	require.Equal(t, stage.Holds, result.Verdict, "and when nothing is wrong it holds: %+v", result)
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		play    func(s *stage.Stage)
		verdict stage.Verdict
		why     string
	}{
		"all checks hold":       {func(s *stage.Stage) { s.Holds("a", true, ""); s.Holds("b", true, "") }, stage.Holds, ""},
		"one does not":          {func(s *stage.Stage) { s.Holds("a", false, ""); s.Holds("b", true, "") }, stage.Fails, ""},
		"none was made":         {func(*stage.Stage) {}, stage.Fails, "nothing was checked"},
		"it cannot go on":       {func(s *stage.Stage) { s.Holds("a", true, ""); s.Must(errors.New("no way")) }, stage.Fails, "no way"},
		"a step is not told of": {func(s *stage.Stage) { s.Kill(topology.Generator) }, stage.Fails, "there is none"},
		"it cannot be done here": {func(s *stage.Stage) {
			s.Must(fmt.Errorf("cannot fly: %w", deployment.ErrUnsupported))
		}, stage.Skipped, "cannot fly"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := play(t.Context(), c.play)
			require.Equal(t, c.verdict, result.Verdict)
			require.Contains(t, result.Why, c.why)
		})
	}
}

// What a scenario was doing when it was interrupted ends, and it is told so.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	result := play(ctx, func(s *stage.Stage) {
		s.Holds("until then", true, "")
		s.Load(1)
		interrupt()
		s.Until("the end of the world", func() bool { return false })
	})
	require.Equal(t, stage.Fails, result.Verdict)
	require.Equal(t, "interrupted", result.Why)
}

// Without a broker every step ends, with a reason.
func TestNothingWaitsForEver(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]func(s *stage.Stage){
		"all is asked":             func(s *stage.Stage) { s.Ask(1) },
		"the load is asked":        func(s *stage.Stage) { s.Load(1)() },
		"all is finished":          func(s *stage.Stage) { s.Drained() },
		"ledger asked is counted":  func(s *stage.Stage) { s.Count(topology.Asked) },
		"the depths are read":      func(s *stage.Stage) { s.Depths() },
		"the ledgers are verified": func(s *stage.Stage) { s.Verify() },
		"the replicas are asked":   func(s *stage.Stage) { s.Alive(0, 0) },
		"it rains":                 func(s *stage.Stage) { s.Until("it rains", func() bool { return false }) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := stage.Options{Patience: time.Second, Log: zerolog.Nop()}
			result := stage.Play(t.Context(), embedded.Kind, deployment.Needs{}, o, func(s *stage.Stage) {
				s.CrashBroker("")
				step(s)
			})
			require.Equal(t, stage.Fails, result.Verdict)
			require.Contains(t, result.Why, "waiting until "+name)
		})
	}
}

func TestSameSeedSameScenario(t *testing.T) {
	t.Parallel()
	numbers := func() (drawn []int) {
		play(t.Context(), func(s *stage.Stage) {
			for range 10 {
				drawn = append(drawn, s.Random.IntN(1000))
			}
		})
		return drawn
	}
	first, second := numbers(), numbers()
	require.Equal(t, first, second)
}

// Those who watch see what is in the queues, and a tap hears what passes.
func TestWatching(t *testing.T) {
	t.Parallel()
	result := play(t.Context(), func(s *stage.Stage) {
		heard := s.Tap(topology.SubjectRequest, "", 3)
		s.Ask(5)
		heard.Await()
		s.WaitDepth(topology.Requests, 5)
		s.Wait(300 * time.Millisecond)
		s.Holds("it came to this", true, "")
	})
	require.Equal(t, stage.Holds, result.Verdict, result.Why)
	require.NotEmpty(t, result.Depths)
	require.EqualValues(t, 5, result.Depths[len(result.Depths)-1].Queues[0].Messages)
}

// However long a scenario takes, what is kept of it stays small and
// ends with what was seen last.
func TestThin(t *testing.T) {
	t.Parallel()
	var samples []stage.Sample
	for i := range 1_000_000 {
		samples = stage.Thin(append(samples, stage.Sample{Received: uint64(i)}))
		require.EqualValues(t, i, samples[len(samples)-1].Received)
	}
	require.Less(t, len(samples), 10_000)
	few := []stage.Sample{{}, {}}
	require.Len(t, stage.Thin(few), 2)
}
