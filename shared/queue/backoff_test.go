package queue

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBackoffDoublesUpToItsLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		first, longest time.Duration
		n              int
		most           time.Duration
	}{
		{time.Second, time.Minute, 1, time.Second},
		{time.Second, time.Minute, 2, 2 * time.Second},
		{time.Second, time.Minute, 6, 32 * time.Second},
		{time.Second, time.Minute, 7, time.Minute},
		{time.Second, time.Minute, math.MaxInt, time.Minute},
		{time.Second, time.Minute, 0, time.Second},
		{time.Hour, time.Minute, 1, time.Minute},
		{48 * time.Hour, 1000 * time.Hour, 40, 1000 * time.Hour},
	} {
		different := map[time.Duration]bool{}
		for range 100 {
			pause := backoff(c.first, c.longest, c.n)
			require.GreaterOrEqual(t, pause, c.most/2, "%+v", c)
			require.LessOrEqual(t, pause, c.most, "%+v", c)
			different[pause] = true
		}
		require.Greater(t, len(different), 50, "what failed together must not come back together")
	}
}

func TestBackoffOfNothing(t *testing.T) {
	t.Parallel()
	require.Zero(t, backoff(0, 0, 1))
	require.Zero(t, backoff(0, time.Second, 1))
	require.Zero(t, backoff(time.Second, 0, 1))
	require.EqualValues(t, 1, backoff(1, 1, 1))
}
