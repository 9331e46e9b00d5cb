package view

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"decoupled.example/console/dashboard/feed"
	"decoupled.example/console/depth"
	status "decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

// service is one place of the pipeline where a service stands.
type service struct {
	Element  string
	Name     string
	Does     string // what it does at this place
	Ledger   string
	Count    uint64
	Rate     float64
	Replicas []string // one mark each
	More     int      // replicas without a mark
	Alive    int
	Controls bool // it can be scaled here
	Less     string
	Grow     string
	Crash    string
}

// marks is how many replicas get a mark of their own.
const marks = 12

// places are where services stand, in the order a request passes them.
var places = [...]struct{ service, does, less, grow, crash string }{
	{topology.Requestor, "asks", "a", "s", "x"},
	{topology.Generator, "makes a string", "f", "g", "c"},
	{topology.Requestor, "stores it", "", "", ""},
	{topology.Generator, "notes the receipt", "", "", ""},
}

func newServices(s feed.Snapshot, o Options) []service {
	rates := ledgerRates(s.History)
	// They answer in any order; the page shows them in the same one.
	replicas := slices.SortedFunc(slices.Values(s.Status.Replicas), func(a, b status.Status) int {
		return cmp.Or(a.Started.Compare(b.Started), strings.Compare(a.Instance, b.Instance))
	})
	services := make([]service, len(places))
	for i, place := range places {
		ledger := topology.LedgerNames[i]
		v := service{
			Element: "service-" + ledger, Name: place.service, Does: place.does,
			Ledger: ledger, Count: s.Status.Ledgers[ledger], Rate: rates[i],
			Alive:    s.Status.Alive(place.service),
			Controls: o.Fleets && !o.ReadOnly && place.grow != "",
			Less:     place.less, Grow: place.grow, Crash: place.crash,
		}
		for _, r := range replicas {
			switch {
			case r.Service != place.service:
			case len(v.Replicas) == marks:
				v.More++
			default:
				v.Replicas = append(v.Replicas, r.Instance)
			}
		}
		services[i] = v
	}
	return services
}

// ledgerRates are told from the last two points.
func ledgerRates(points []feed.Point) (rates [4]float64) {
	if len(points) < 2 {
		return rates
	}
	before, now := points[len(points)-2], points[len(points)-1]
	seconds := now.At.Sub(before.At).Seconds()
	for i := range rates {
		if seconds > 0 && now.Ledgers[i] > before.Ledgers[i] {
			rates[i] = float64(now.Ledgers[i]-before.Ledgers[i]) / seconds
		}
	}
	return rates
}

// queue is a vessel that fills.
type queue struct {
	Element string
	Name    string
	Class   string
	Depth   depth.Depth
	In, Out float64
	Oldest  string
	Flowing bool
	Full    uint64 // what a full vessel holds
	Layers  []layer
	Actions bool
	Key     string
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

var queueKeys = [...]string{"q", "w", "e"}

func newQueues(s feed.Snapshot, o Options) []queue {
	queues := make([]queue, len(topology.QueueNames))
	full := capacity(s)
	for i, name := range topology.QueueNames {
		v := queue{Element: "queue-" + name, Name: name, Class: "q" + string(rune('1'+i)), Full: full, Actions: !o.ReadOnly, Key: queueKeys[i], Oldest: "–"}
		v.Depth.Queue = name
		if i < len(s.Status.Queues) {
			v.Depth = s.Status.Queues[i]
		}
		if i < len(s.Flows) {
			v.In, v.Out = s.Flows[i].In, s.Flows[i].Out
		}
		v.Flowing = s.Trouble == nil && v.Out >= 0.05
		if !v.Depth.Oldest.IsZero() {
			v.Oldest = span(max(s.Status.At.Sub(v.Depth.Oldest), 0).Round(100 * time.Millisecond))
		}
		v.Layers = layers(v.Depth, full)
		queues[i] = v
	}
	return queues
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
