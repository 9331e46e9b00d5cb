package generator

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/queue"
)

func entry(id string, value []byte) ledger.Entry { return ledger.Entry{ID: id, Value: value} }

func TestOptions(t *testing.T) {
	t.Parallel()
	require.NoError(t, Options{Work: time.Hour, Fail: 0.5, Reject: 0.5, Hang: 1, Outage: time.Second, OutageEvery: time.Second}.Validate())
	require.NoError(t, Options{}.Validate())
	for text, o := range map[string]Options{
		"--work":                   {Work: -1},
		"1h":                       {Work: time.Hour + 1},
		"--fail must":              {Fail: -0.1},
		"--reject must":            {Reject: 1.5},
		"--hang must":              {Hang: 2},
		"NaN":                      {Fail: math.NaN()},
		"--fail and --reject":      {Fail: 0.6, Reject: 0.6},
		"--outage must be from 0s": {Outage: -1},
		"--outage-every (1m0s)":    {Outage: time.Hour, OutageEvery: time.Minute},
	} {
		require.ErrorContains(t, o.Validate(), text)
	}
}

func TestWorkTakesItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		text, err := Random(Options{Work: 5 * time.Second})(t.Context(), contract.NewRequest(begun))
		require.NoError(t, err)
		require.Len(t, text, contract.StringLength)
		require.Equal(t, 5*time.Second, time.Since(begun))
	})
}

func TestWorkEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Random(Options{Work: time.Hour})(ctx, contract.NewRequest(time.Now()))
	require.ErrorIs(t, err, context.Canceled)
}

// The same requests fail each time, about as many as were to, and with a higher
// fraction the same ones and more. Others than those are rejected.
func TestTheIDChoosesWhatFails(t *testing.T) {
	t.Parallel()
	const n = 10_000
	tenth, third := Random(Options{Fail: 0.1, Reject: 0.1}), Random(Options{Fail: 0.3})
	none, all := Random(Options{}), Random(Options{Fail: 1})
	failed, rejected := 0, 0
	for range n {
		r := contract.NewRequest(time.Now())
		_, err := tenth(t.Context(), r)
		_, again := tenth(t.Context(), r)
		require.Equal(t, err, again)
		switch {
		case errors.Is(err, ErrChosen):
			failed++
			_, err = third(t.Context(), r)
			require.ErrorIs(t, err, ErrChosen)
		case err != nil:
			rejected++
			require.Equal(t, queue.Reject(ErrRejected), err)
		}
		_, err = none(t.Context(), r)
		require.NoError(t, err)
		_, err = all(t.Context(), r)
		require.ErrorIs(t, err, ErrChosen)
	}
	require.InDelta(t, n/10, failed, n/50)
	require.InDelta(t, n/10, rejected, n/50)
}

func TestOutagesComeAndGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		maker := Random(Options{Outage: 10 * time.Second, OutageEvery: time.Minute})
		down := 0
		for range 180 {
			_, err := maker(t.Context(), contract.NewRequest(time.Now()))
			if err != nil {
				require.Equal(t, queue.Retry(ErrOutage), err, "no attempt of the request")
				down++
			}
			<-time.After(time.Second) // which takes no time here
		}
		require.Equal(t, 30, down, "of three minutes")
	})
}

// It ignores its context: that has ended before.
func TestHangingNeverEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	go func() { _, _ = Random(Options{Hang: 1})(ctx, contract.NewRequest(time.Now())) }()
	require.Eventually(t, func() bool {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		for stack := range strings.SplitSeq(string(stacks), "\n\n") {
			if strings.Contains(stack, "generator.hang(") && strings.Contains(stack, "[chan receive (nil chan)") {
				return true
			}
		}
		return false
	}, time.Minute, time.Millisecond)
}
