package verify_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/deadletter"
	"decoupled.example/console/drain"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/console/verify"
	"decoupled.example/generator"
	"decoupled.example/requestor"
	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/topology"
)

// scale starts and stops generators while requestors ask, and has each verdict
// of a verification in between be without alarm.
func scale(t *testing.T, b *testbed.Bed, rate float64, generators ...int) {
	t.Helper()
	asking := []func(){b.Requestor(requestor.Options{Rate: rate}), b.Requestor(requestor.Options{Rate: rate})}
	var running []func()
	judged := uint64(0)
	for _, n := range generators {
		for len(running) < n {
			running = append(running, b.Generator(generator.Options{}))
		}
		for len(running) > n {
			running[0]()
			running = running[1:]
		}
		for range 2 {
			verdict := run(t, b)
			require.True(t, verdict.OK(), "with %d generators: %+v", n, verdict)
			judged += verdict.Complete + verdict.Recovered + verdict.Outstanding
		}
	}
	for _, stop := range asking {
		stop()
	}
	require.Positive(t, judged)
	b.Services()
	require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
	verdict := run(t, b)
	require.True(t, verdict.Finished(), "%+v", verdict)
	require.Equal(t, verdict.Received, verdict.Complete+verdict.Recovered)
}

func TestRunningSystemIsNoAlarm(t *testing.T) {
	t.Parallel()
	scale(t, testbed.Start(t), 50, 1, 3, 0, 2, 1)
}

func TestRunningSystemOnThreeNodesIsNoAlarm(t *testing.T) {
	t.Parallel()
	cluster := brokertest.StartCluster(t)
	b := testbed.On(t, cluster.URL(), func(s *topology.Settings) { s.Replicas = 3 })
	scale(t, b, 20, 1, 0, 2)
}

// Requests that nobody can answer go round between their queue and the letters.
func TestRun_RaisesNoAlarmDuringARedrive(t *testing.T) {
	t.Parallel()
	const n = 5
	b := testbed.Start(t)
	b.PlantDead(n)
	b.Services()
	dead, err := deadletter.Open(b.Context(), b.JS)
	require.NoError(t, err)
	var seen verify.Verdict
	for range 20 {
		redriven := make(chan error)
		go func() {
			for letter, err := range dead.All(b.Context()) {
				if err == nil {
					err = dead.Redrive(b.Context(), letter)
				}
				if err != nil {
					redriven <- err
					return
				}
			}
			redriven <- nil
		}()
		verdict := run(t, b)
		require.NoError(t, <-redriven)
		require.True(t, verdict.OK(), "%+v", verdict)
		require.EqualValues(t, n, verdict.Dead+verdict.Outstanding, "%+v", verdict)
		seen.Dead += verdict.Dead
		seen.Outstanding += verdict.Outstanding
	}
	require.Positive(t, seen.Dead+seen.Outstanding)
}
