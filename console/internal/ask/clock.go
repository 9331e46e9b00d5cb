package ask

import "time"

// Clock is the broker's clock. A time of the broker is compared only with this clock,
// because the operator's may be ahead or behind by any amount. The zero value is not a
// clock. It may be used concurrently.
type Clock struct {
	stated time.Time // by the broker
	heard  time.Time // our own, of which only differences are used
}

// NewClock returns the clock whose current time is that of an answer of the broker that
// has just arrived.
func NewClock(stated time.Time) Clock { return Clock{stated: stated, heard: time.Now()} }

// Now is the broker's time.
func (c Clock) Now() time.Time { return c.stated.Add(time.Since(c.heard)) }

// Since is how long ago the broker stated a time; at least 0.
func (c Clock) Since(t time.Time) time.Duration { return max(0, c.Now().Sub(t)) }
