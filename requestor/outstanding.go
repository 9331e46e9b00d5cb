package requestor

import (
	"context"
	"sync"
	"time"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
)

const (
	// lookEvery is how often the ledger is asked for what others have stored.
	lookEvery = 250 * time.Millisecond
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

func (o *outstanding) remove(stored []ledger.Entry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, entry := range stored {
		delete(o.ids, entry.ID)
	}
}

func (o *outstanding) list() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	ids := make([]string, 0, len(o.ids))
	for id := range o.ids {
		ids = append(ids, id)
	}
	return ids
}

// awaitStored returns when all that this replica asked is stored, by whomever,
// or ctx ends.
func (r *Requestor) awaitStored(ctx context.Context) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	said := time.Now()
	for {
		open := r.waiting.list()
		stored, err := r.stored.Get(ctx, open...)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if len(stored) == len(open) {
			r.log.Info().Int64("asked", r.asked.Load()).Msg("all that was asked is stored")
			return nil
		}
		r.waiting.remove(stored)
		if time.Since(said) > sayEvery {
			said = time.Now()
			r.log.Info().Int("missing", len(open)-len(stored)).Msg("waiting until all that was asked is stored")
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil
		}
	}
}
