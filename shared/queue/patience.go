package queue

import (
	"sync"
	"time"
)

const (
	// fullWait bounds the wait for records and dead letters to be stored: good
	// messages must not wait for those that fail. Where these cannot be stored, they
	// stay in the queue and come again later.
	fullWait = 5 * time.Second
	// againWithin is how long a wait lasts after one without success,
	againWithin = 250 * time.Millisecond
	// of which there is one in so long,
	againEvery = time.Second
	// and every so often a full one: what always takes longer than againWithin must
	// not fail forever.
	fullEvery = 30 * time.Second
)

// patience is how long to wait for something while other messages have to wait,
// too. It may be used concurrently.
type patience struct {
	mu   sync.Mutex
	vain bool      // the last wait
	full time.Time // when the last full wait began
	last time.Time // when the last wait began
}

// next returns how long to wait this time: the full time, or little, or nothing,
// when the last wait was without success.
func (p *patience) next() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	switch {
	case !p.vain || now.Sub(p.full) >= fullEvery:
		p.full, p.last = now, now
		return fullWait
	case now.Sub(p.last) >= againEvery:
		p.last = now
		return againWithin
	}
	return 0
}

// ended notes whether a wait was without success.
func (p *patience) ended(vain bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.vain = vain
}
