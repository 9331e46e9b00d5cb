package queue

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// everyone is the weight of the whole process.
	everyone = math.MaxInt32
	// shortestTurn is how long a suspect waits until nothing else is handled. It
	// doubles each time that was in vain, as handlers may be slow.
	//
	// Others cannot begin meanwhile, and one of them may be what the others wait
	// for (a full queue that only it can empty), so the suspect must give way. It
	// then leaves them alone for at least as long as it will wait the next time:
	// the broker delivers suspects first, and nothing else might ever be handled.
	shortestTurn = time.Second
	longestTurn  = 30 * time.Second
	// aloneFor is how long others wait for a suspect that is being handled, and
	// then no longer, for the same reason: it may wait for one of them.
	aloneFor = 5 * time.Second
)

// turns says who may handle messages in this process: any number of batches
// together, or a suspect alone. If the process dies then, nothing else can have
// killed it.
type turns struct {
	all *semaphore.Weighted // held in part by each batch, as a whole by a suspect

	mu      sync.Mutex
	vain    int // turns in a row that did not come
	gaveWay time.Time
}

func newTurns() *turns { return &turns{all: semaphore.NewWeighted(everyone)} }

// together waits for the turn of a batch.
func (t *turns) together(ctx context.Context) (done func(), err error) {
	if err := t.all.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	return func() { t.all.Release(1) }, nil
}

// alone waits for the turn of a suspect. Without one it returns after how long to
// try again.
func (t *turns) alone(ctx context.Context) (done func(), again time.Duration) {
	t.mu.Lock()
	turn := doubled(shortestTurn, longestTurn, t.vain+1)
	resting := t.vain > 0 && time.Since(t.gaveWay) < turn
	t.mu.Unlock()
	if resting {
		return nil, backoff(2*turn, 2*turn, 1)
	}
	waiting, cancel := context.WithTimeout(ctx, turn)
	defer cancel()
	err := t.all.Acquire(waiting, everyone)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.vain++
		t.gaveWay = time.Now()
		return nil, backoff(2*turn, 2*turn, 1)
	}
	t.vain = 0
	others := time.AfterFunc(aloneFor, func() { t.all.Release(everyone - 1) })
	return func() {
		if others.Stop() {
			t.all.Release(everyone)
		} else {
			t.all.Release(1)
		}
	}, 0
}
