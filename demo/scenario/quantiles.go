package scenario

import (
	"slices"
	"time"
)

// quantiles returns the times below which those fractions of all lie; 0 of none.
func quantiles(times []time.Duration, fractions ...float64) []time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	at := make([]time.Duration, len(fractions))
	for i, f := range fractions {
		if len(sorted) > 0 {
			at[i] = sorted[min(int(f*float64(len(sorted))), len(sorted)-1)]
		}
	}
	return at
}
