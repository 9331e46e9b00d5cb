package feed

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLatency(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	passed := func(asked time.Time, hops ...time.Duration) Request {
		r := Request{At: [4]time.Time{asked}}
		for i, hop := range hops {
			r.At[i+1] = r.At[i].Add(hop)
		}
		return r
	}
	var finished []Request
	for i := range 100 {
		finished = append(finished, passed(now.Add(-time.Second), time.Duration(i+1)*time.Millisecond, time.Millisecond, 2*time.Millisecond))
	}
	finished = append(finished, passed(now.Add(-time.Hour), time.Minute, time.Minute, time.Minute)) // long ago
	l := latency(finished, now)
	require.Equal(t, 100, l.Requests)
	require.Equal(t, Percentiles{P50: 50 * time.Millisecond, P95: 95 * time.Millisecond, P99: 99 * time.Millisecond}, l.Hops[0])
	require.Equal(t, Percentiles{P50: 53 * time.Millisecond, P95: 98 * time.Millisecond, P99: 102 * time.Millisecond}, l.Whole)

	early := latency([]Request{passed(now, -time.Millisecond, 3*time.Millisecond, 0)}, now)
	require.Zero(t, early.Hops[0].P50, "the string was made before it was recorded as asked for")
	require.Equal(t, 2*time.Millisecond, early.Whole.P50)
	require.Equal(t, Latency{}, latency(nil, now))
}
