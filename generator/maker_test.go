package generator

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
)

func entry(id string, value []byte) ledger.Entry { return ledger.Entry{ID: id, Value: value} }

func TestOptions(t *testing.T) {
	t.Parallel()
	require.NoError(t, Options{Work: time.Hour, Fail: 1}.Validate())
	require.NoError(t, Options{}.Validate())
	for text, o := range map[string]Options{
		"--work": {Work: -1},
		"1h":     {Work: time.Hour + 1},
		"-0.1":   {Fail: -0.1},
		"1.5":    {Fail: 1.5},
		"NaN":    {Fail: math.NaN()},
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
// fraction the same ones and more.
func TestTheIDChoosesWhatFails(t *testing.T) {
	t.Parallel()
	const n = 10_000
	tenth, third := Random(Options{Fail: 0.1}), Random(Options{Fail: 0.3})
	none, all := Random(Options{}), Random(Options{Fail: 1})
	failed := 0
	for range n {
		r := contract.NewRequest(time.Now())
		_, err := tenth(t.Context(), r)
		_, again := tenth(t.Context(), r)
		require.Equal(t, err, again)
		if err != nil {
			failed++
			require.ErrorIs(t, err, ErrChosen)
			_, err = third(t.Context(), r)
			require.ErrorIs(t, err, ErrChosen)
		}
		_, err = none(t.Context(), r)
		require.NoError(t, err)
		_, err = all(t.Context(), r)
		require.ErrorIs(t, err, ErrChosen)
	}
	require.InDelta(t, n/10, failed, n/50)
}
