package view

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/dashboard/feed"
	"decoupled.example/console/depth"
)

func TestFormats(t *testing.T) {
	t.Parallel()
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		require.Equal(t, want, count(n))
	}
	for n, want := range map[uint64]string{0: "0", 500: "500", 1000: "1k", 1500: "1,500", 200_000: "200k", 5_000_000: "5M"} {
		require.Equal(t, want, brief(n))
	}
	for n, want := range map[float64]string{0: "0", 0.04: "0", 0.5: "0.5", 9.96: "10", 1234.5: "1,235"} {
		require.Equal(t, want, rate(n))
	}
	for d, want := range map[time.Duration]string{
		0: "0 ms", 250 * time.Microsecond: "250 µs", 1500 * time.Microsecond: "1.5 ms", 250 * time.Millisecond: "250 ms",
		2500 * time.Millisecond: "2.5 s", 125 * time.Second: "2 min 5 s", 90 * time.Minute: "1 h 30 min", -time.Second: "0 ms",
	} {
		require.Equal(t, want, span(d))
	}
}

func TestLayersAddUpToTheWhole(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]depth.Depth{
		"as it should be":    {Messages: 100, Waiting: 60, InFlight: 40, Redelivered: 10},
		"read while it fell": {Messages: 10, Waiting: 60, InFlight: 40, Redelivered: 50},
		"one":                {Messages: 1, InFlight: 1},
		"more than it holds": {Messages: 1000, Waiting: 1000},
	} {
		whole := 0.0
		for _, l := range layers(d, 100) {
			require.GreaterOrEqual(t, l.Height, 0.0, name)
			whole += l.Height
			require.InDelta(t, vesselBottom, l.Y+whole, 0.001, name)
		}
		require.GreaterOrEqual(t, whole, thinnest, name)
		require.LessOrEqual(t, whole, vesselBottom-vesselTop, name)
	}
}

func TestBoundsAreRoundAndHoldAllCounts(t *testing.T) {
	t.Parallel()
	for _, n := range [][2]uint64{{0, 0}, {5, 5}, {0, 99}, {1_000_000, 1_000_001}, {123, 98_765}} {
		low, high, step := bounds([]feed.Point{{Ledgers: [4]uint64{n[1], n[0], n[0], n[0]}}})
		require.LessOrEqual(t, low, n[0])
		require.GreaterOrEqual(t, high, n[1])
		require.Greater(t, high, low)
		require.Zero(t, low%step)
		require.Zero(t, high%step)
		require.LessOrEqual(t, (high-low)/step, uint64(6))
	}
	require.EqualValues(t, 50, round(21))
	require.EqualValues(t, 100, round(100))
}
