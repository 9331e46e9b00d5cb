package drain

import "time"

// window is the shortest time over which arrivals measure; the longest is twice that.
const window = 5 * time.Second

// arrivals measures the recent rate of requests. Requests that arrived long ago
// do not explain why the queues are not drained now. The zero value is ready to
// use.
type arrivals struct {
	older, newer, last reading
}

// reading is a state of the first queue and the time of its reading.
type reading struct {
	State
	at time.Time
}

// note adds a reading.
func (a *arrivals) note(s State, at time.Time) {
	now := reading{s, at}
	if a.last.at.IsZero() || !s.Created.Equal(a.last.Created) || s.LastSeq < a.last.LastSeq {
		// A queue that was created again starts at sequence 1, and a broker that lost
		// unsynced messages reuses their sequences.
		*a = arrivals{now, now, now}
	}
	if at.Sub(a.newer.at) >= window {
		a.older, a.newer = a.newer, now
	}
	a.last = now
}

// rate returns the number of requests that arrived per second.
func (a *arrivals) rate() float64 {
	seconds := a.last.at.Sub(a.older.at).Seconds()
	if seconds <= 0 {
		return 0
	}
	return float64(a.last.LastSeq-a.older.LastSeq) / seconds
}
