package queue

import (
	"sync"
	"time"
)

const (
	// maxBatch bounds what one loop has in flight, and is as much as is published
	// at once.
	maxBatch = 1000
	// batchTime is how long a batch should take: long enough that the round
	// trips to the broker do not matter, short enough that a stop, a failure
	// or a replica that joins does not wait for it.
	batchTime = 250 * time.Millisecond
	// share is the part of what is waiting that one batch may take where it
	// takes long, so that there is something left for replicas that join.
	share = 16
	// unshared is how much work is not worth sharing: the fairness it would
	// bring is below what anyone can see, the round trips are not. They count as
	// work, too: with less, what is far from its broker has batches so small
	// that most of their time is round trips.
	unshared = 100 * time.Millisecond
)

// size decides how many messages to ask for. It may be used concurrently.
type size struct {
	mu      sync.Mutex
	message time.Duration // what one message took, lately; 0 is unknown
	pending uint64        // what was waiting at the last delivery
	last    int           // how many messages the last batch had
}

// handled takes note that n messages took that long.
func (s *size) handled(n int, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = n
	each := max(took/time.Duration(n), 1)
	if s.message == 0 {
		s.message = each
		return
	}
	// A slower batch counts at once, a faster one little by little: a batch
	// that is too large for a slow handler costs more than one too small.
	s.message = max(each, (3*s.message+each)/4)
}

// waiting takes note of how many messages were waiting behind a delivery.
func (s *size) waiting(pending uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = pending
}

// next is the size of the next batch: 1 until the handler's speed is known, and
// while messages come one at a time.
func (s *size) next() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.message == 0 {
		return 1
	}
	if s.last == 1 && s.pending == 0 {
		// Messages come one at a time. A request for one is over when it comes; one
		// for more needs a second answer that says so.
		return 1
	}
	byTime := int64(batchTime / s.message)
	byShare := max(int64(s.pending/share), int64(unshared/s.message))
	return int(max(1, min(byTime, byShare, maxBatch)))
}
