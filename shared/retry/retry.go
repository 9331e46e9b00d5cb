// Package retry has what every loop needs that repeats what fails for a reason that
// may pass: a pause that its context ends, and a log that is neither silent nor
// flooded.
package retry

import (
	"context"
	"sync"
	"time"
)

const (
	// after is how long a problem must last before it is logged: a broker that
	// starts, or elects a leader, refuses for a moment.
	after = time.Second
	// every keeps an outage from flooding the log.
	every = 10 * time.Second
)

// Problem decides when a problem that lasts is logged: after a second, and then
// every ten seconds. The zero value has not begun. It may be used
// concurrently.
type Problem struct {
	// AtOnce has the first time logged, too: what was refused does not pass.
	AtOnce bool

	mu   sync.Mutex
	next time.Time
}

// Due is to be called whenever the problem is met. It reports whether to log it now.
func (p *Problem) Due() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.next.IsZero() && !p.AtOnce {
		p.next = now.Add(after)
	}
	if now.Before(p.next) {
		return false
	}
	p.next = now.Add(every)
	return true
}

// Over is to be called when the problem has passed, or another one has begun.
func (p *Problem) Over() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = time.Time{}
}

// Wait returns nil after that time, and ctx's error if ctx ends before.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
