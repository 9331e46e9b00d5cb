package view

import (
	"time"

	"decoupled.example/console/dashboard/feed"
	"decoupled.example/console/depth"
	"decoupled.example/console/status"
	"decoupled.example/shared/topology"
)

// vessel is a queue that fills.
type vessel struct {
	Element string
	Name    string
	Class   string
	Depth   depth.Depth
	status.Flow
	Oldest  string
	Flowing bool
	Full    uint64 // what a full vessel holds
	Layers  []layer
	Actions bool
}

// layer is a part of what is in the vessel, from the bottom.
type layer struct {
	Class     string
	Y, Height float64
}

// The inside of the vessel in the drawing.
const (
	vesselTop    = 8.0
	vesselBottom = 104.0
	thinnest     = 3.0 // of what is not empty
)

func newVessels(s feed.Snapshot, o Options) []vessel {
	vessels := make([]vessel, len(topology.QueueNames))
	full := capacity(s)
	for i, name := range topology.QueueNames {
		v := vessel{Element: "queue-" + name, Name: name, Class: "q" + string(rune('1'+i)), Full: full, Actions: !o.ReadOnly, Oldest: "–"}
		v.Depth.Queue = name
		if i < len(s.Status.Queues) {
			v.Depth = s.Status.Queues[i]
		}
		v.Flow = s.Rates.Queues[name]
		v.Flowing = s.Trouble == nil && v.Out >= 0.05
		if !v.Depth.Oldest.IsZero() {
			v.Oldest = span(v.Depth.OldestAge.Round(100 * time.Millisecond))
		}
		v.Layers = layers(v.Depth, full)
		vessels[i] = v
	}
	return vessels
}

// capacity is what a full vessel holds: a round number, the same for all, that
// nothing went over in the last minute.
func capacity(s feed.Snapshot) uint64 {
	most := uint64(20)
	for _, p := range s.History {
		if s.At.Sub(p.At) <= time.Minute {
			most = max(most, p.Depths[0], p.Depths[1], p.Depths[2])
		}
	}
	return round(most)
}

// round is the next of 1, 2, 5, 10, 20, …
func round(n uint64) uint64 {
	for unit := uint64(1); ; unit *= 10 {
		for _, factor := range []uint64{1, 2, 5} {
			if factor*unit >= n {
				return factor * unit
			}
		}
	}
}

// layers are, from the bottom: what was delivered before, what is delivered, what
// waits. The parts are read one after the other and may not add up; the whole is
// the truth.
func layers(d depth.Depth, full uint64) []layer {
	inFlight := min(uint64(d.InFlight), d.Messages)
	again := min(uint64(d.Redelivered), inFlight)
	whole := height(d.Messages, full)
	var all []layer
	bottom := vesselBottom
	for _, part := range []struct {
		class string
		n     uint64
	}{{"again", again}, {"flight", inFlight - again}, {"waiting", d.Messages - inFlight}} {
		h := 0.0
		if d.Messages > 0 {
			h = whole * float64(part.n) / float64(d.Messages)
		}
		bottom -= h
		all = append(all, layer{Class: part.class, Y: bottom, Height: h})
	}
	return all
}

func height(n, full uint64) float64 {
	if n == 0 {
		return 0
	}
	return max(thinnest, (vesselBottom-vesselTop)*min(1, float64(n)/float64(full)))
}
