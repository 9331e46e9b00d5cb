package feed

import (
	"slices"
	"time"
)

// window is how long ago a request may have been finished to count.
const window = time.Minute

// Latency is how long the followed requests took that were finished lately.
type Latency struct {
	Requests int // how many; with none the rest is zero
	Whole    Percentiles
	Hops     [3]Percentiles // from each ledger to the next
}

// Percentiles are the times within which 50, 95 and 99 of 100 requests were done.
type Percentiles struct {
	P50, P95, P99 time.Duration
}

// latency tells percentiles from what was finished lately, by the broker's time. A requestor records that it
// has asked once the queue has confirmed: under load the string may be made
// before. Then the first hop took no time.
func latency(finished []Request, now time.Time) Latency {
	var whole []time.Duration
	var hops [3][]time.Duration
	for _, r := range finished {
		if now.Sub(r.At[3]) > window {
			continue
		}
		whole = append(whole, max(0, r.At[3].Sub(r.At[0])))
		for i := range hops {
			hops[i] = append(hops[i], max(0, r.At[i+1].Sub(r.At[i])))
		}
	}
	l := Latency{Requests: len(whole), Whole: percentiles(whole)}
	for i := range hops {
		l.Hops[i] = percentiles(hops[i])
	}
	return l
}

func percentiles(all []time.Duration) Percentiles {
	slices.Sort(all)
	at := func(percent int) time.Duration {
		if len(all) == 0 {
			return 0
		}
		return all[(len(all)*percent+99)/100-1] // the nearest rank
	}
	return Percentiles{P50: at(50), P95: at(95), P99: at(99)}
}
