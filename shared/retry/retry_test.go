package retry_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/retry"
)

func TestProblem_IsDueAfterASecondAndThenEveryTen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p retry.Problem
		begun := time.Now()
		var logged []time.Duration
		for time.Since(begun) < 25*time.Second {
			if p.Due() {
				logged = append(logged, time.Since(begun))
			}
			require.NoError(t, retry.Wait(t.Context(), 100*time.Millisecond))
		}
		require.Equal(t, []time.Duration{time.Second, 11 * time.Second, 21 * time.Second}, logged)

		p.Over()
		require.False(t, p.Due(), "another one has begun")
		require.NoError(t, retry.Wait(t.Context(), time.Second))
		require.True(t, p.Due())
	})
}

func TestProblem_IsDueAtOnceWhereItDoesNotPass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := retry.Problem{AtOnce: true}
		require.True(t, p.Due())
		require.False(t, p.Due())
		require.NoError(t, retry.Wait(t.Context(), 10*time.Second))
		require.True(t, p.Due())
	})
}

func TestWait_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		require.ErrorIs(t, retry.Wait(ctx, time.Hour), context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(begun))
	})
}
