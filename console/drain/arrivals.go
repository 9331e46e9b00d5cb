package drain

import "time"

// window is how far back arrivals look, up to twice that.
const window = 5 * time.Second

// arrivals tells how many requests came lately. What came long ago does not
// explain why a system is not drained now. The zero value is ready.
type arrivals struct {
	older, newer, last reading
}

// reading is a state of the first queue, and when it was read.
type reading struct {
	State
	at time.Time
}

// note adds a reading.
func (a *arrivals) note(s State, at time.Time) {
	now := reading{s, at}
	if a.last.at.IsZero() || !s.Created.Equal(a.last.Created) || s.LastSeq < a.last.LastSeq {
		// A queue made anew counts from 1 again, and a broker that lost what it had
		// not synced from before.
		*a = arrivals{now, now, now}
	}
	if at.Sub(a.newer.at) >= window {
		a.older, a.newer = a.newer, now
	}
	a.last = now
}

// rate is how many arrived a second.
func (a *arrivals) rate() float64 {
	seconds := a.last.at.Sub(a.older.at).Seconds()
	if seconds <= 0 {
		return 0
	}
	return float64(a.last.LastSeq-a.older.LastSeq) / seconds
}
