package bench

import (
	"slices"
	"testing"
)

// median, and the spread of the rounds around it as a fraction of it.
func median(results []measured, of func(measured) float64) (value, spread float64) {
	values := make([]float64, len(results))
	for i, r := range results {
		values[i] = of(r)
	}
	slices.Sort(values)
	value = values[len(values)/2]
	if value == 0 {
		return 0, 0
	}
	return value, (values[len(values)-1] - values[0]) / value
}

// report prints a variant as a line of its own, as Go's benchmarks do, so that
// benchstat can compare two commits.
func report(b *testing.B, variant string, all map[string][]measured) {
	b.Helper()
	results := all[variant]
	b.Run(variant, func(b *testing.B) {
		rate, spread := median(results, func(m measured) float64 { return m.rate })
		client, _ := median(results, func(m measured) float64 { return m.client })
		server, _ := median(results, func(m measured) float64 { return m.server })
		allocs, _ := median(results, func(m measured) float64 { return m.allocs })
		b.ReportMetric(0, "ns/op") // what is measured took place before
		b.ReportMetric(rate, "rt/s")
		b.ReportMetric(100*spread, "±%")
		b.ReportMetric(client, "client-µs/rt")
		b.ReportMetric(server, "server-µs/rt")
		b.ReportMetric(allocs, "allocs/rt")
		if floor, ok := all["floor"]; ok && variant != "floor" {
			// Round by round, as the machine was at the time.
			ratios := make([]measured, len(results))
			for i := range results {
				ratios[i].rate = results[i].rate / floor[i].rate
			}
			ratio, _ := median(ratios, func(m measured) float64 { return m.rate })
			b.ReportMetric(ratio, "×floor")
		}
	})
}
