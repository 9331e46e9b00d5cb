package view

import (
	"math"
	"time"

	"decoupled.example/console/dashboard/feed"
)

// latency is a strip of times: the whole way, and each hop.
type latency struct {
	Requests int
	Cells    []latencyCell
}

type latencyCell struct {
	Name string
	feed.Percentiles
	X50, X95, X99 float64 // on a logarithmic scale
}

// The scale of the strip, from its left end to its right.
const (
	shortest = 100 * time.Microsecond
	longest  = 100 * time.Second
	scale    = 200.0
)

func newLatency(l feed.Latency) latency {
	v := latency{Requests: l.Requests}
	for i, name := range []string{"whole way", "asked → generated", "generated → stored", "stored → received"} {
		p := l.Whole
		if i > 0 {
			p = l.Hops[i-1]
		}
		v.Cells = append(v.Cells, latencyCell{Name: name, Percentiles: p, X50: onScale(p.P50), X95: onScale(p.P95), X99: onScale(p.P99)})
	}
	return v
}

func onScale(d time.Duration) float64 {
	d = min(max(d, shortest), longest)
	return scale * math.Log(float64(d)/float64(shortest)) / math.Log(float64(longest)/float64(shortest))
}
