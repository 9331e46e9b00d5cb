package status

import "decoupled.example/console/depth"

// Rates are events a second between two readings.
type Rates struct {
	Queues  map[string]Flow    `json:"queues"`
	Ledgers map[string]float64 `json:"ledgers"` // new entries
}

// Flow is the rate into a queue and out of it, in messages a second.
type Flow struct {
	In  float64 `json:"in"`
	Out float64 `json:"out"`
}

// Rates returns the rates since an earlier status. For a stream that was re-created in
// between, only what it holds since then counts, so no rate is negative. Without an earlier
// status there are no rates.
func (s Status) Rates(before Status) Rates {
	seconds := s.At.Sub(before.At).Seconds()
	rates := Rates{Queues: make(map[string]Flow), Ledgers: make(map[string]float64)}
	if before.At.IsZero() || seconds <= 0 {
		return rates
	}
	was := make(map[string]depth.Depth)
	for _, q := range before.Queues {
		was[q.Queue] = q
	}
	for _, q := range s.Queues {
		b := was[q.Queue]
		if q.Stored < b.Stored { // a re-created stream counts from 1 again
			b = depth.Depth{}
		}
		in := float64(q.Stored - b.Stored)
		out := in + float64(b.Messages) - float64(q.Messages)
		rates.Queues[q.Queue] = Flow{In: in / seconds, Out: max(0, out) / seconds}
	}
	for name, n := range s.Ledgers {
		rates.Ledgers[name] = max(0, float64(n)-float64(before.Ledgers[name])) / seconds
	}
	return rates
}
