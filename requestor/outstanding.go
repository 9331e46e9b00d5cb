package requestor

import (
	"context"
	"sync"
	"time"

	"decoupled.example/shared/contract"
)

const (
	// lookEvery is how often the ledger is asked for what others have stored.
	lookEvery = 250 * time.Millisecond
	// lookFor is how many entries it is asked for at once: while a few of them
	// are missing, it does not matter how many more are.
	lookFor = 100
	// sayEvery is how often waiting is logged.
	sayEvery = 10 * time.Second
)

// outstanding are the requests that this replica asked and has not seen stored.
// It may be used concurrently; the zero value is empty.
type outstanding struct {
	mu  sync.Mutex
	ids map[string]struct{}
}

func (o *outstanding) add(requests []contract.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ids == nil {
		o.ids = make(map[string]struct{})
	}
	for _, request := range requests {
		o.ids[request.ID] = struct{}{}
	}
}

func (o *outstanding) remove(ids ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range ids {
		delete(o.ids, id)
	}
}

// some returns n of them, or all if there are fewer.
func (o *outstanding) some(n int) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	ids := make([]string, 0, min(n, len(o.ids)))
	for id := range o.ids {
		if len(ids) == n {
			break
		}
		ids = append(ids, id)
	}
	return ids
}

func (o *outstanding) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.ids)
}

// awaitStored returns when all that this replica asked is stored, by whomever,
// or ctx ends.
func (r *Requestor) awaitStored(ctx context.Context) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	said := time.Now()
	for {
		some := r.waiting.some(lookFor)
		stored, err := r.stored.Get(ctx, some...)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		for _, response := range stored {
			r.waiting.remove(response.ID)
		}
		left := r.waiting.count()
		if left == 0 {
			r.log.Info().Int64("asked", r.asked.Load()).Msg("all that was asked is stored")
			return nil
		}
		if len(stored) == len(some) { // others may be stored too
			continue
		}
		if time.Since(said) > sayEvery {
			said = time.Now()
			r.log.Info().Int("missing", left).Msg("waiting until all that was asked is stored")
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil
		}
	}
}
