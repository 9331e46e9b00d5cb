package verify

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
)

const (
	// chunk is how many entries are judged together.
	chunk = 512
	// atOnce is how many chunks are being judged while the next is read.
	atOnce = 4
)

// walk calls judge with the entries of a ledger, chunk by chunk, concurrently.
// Only those that bear another ID have their values: what is in memory does not
// depend on how much is kept.
func (v *verifier) walk(ctx context.Context, l ledger.Ledger, judge func(ctx context.Context, entries []ledger.Entry) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	var entries []ledger.Entry
	flush := func() {
		some := entries
		entries = nil
		group.Go(func() error { return judge(ctx, some) })
	}
	var failed error
	for e, err := range l.All(ctx) {
		if err != nil {
			failed = err
			break
		}
		if v.walked++; v.walked%chunk == 0 {
			v.progress(v.walked, max(v.walked, v.verdict.Asked))
		}
		if !v.accept(e, l == v.asked) {
			continue
		}
		if entries == nil {
			entries = make([]ledger.Entry, 0, chunk)
		}
		if !bearsAnother(e.ID, e.Value) {
			e.Value = nil
		}
		if entries = append(entries, e); len(entries) == chunk {
			flush()
		}
	}
	if failed == nil && len(entries) > 0 {
		flush()
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return failed
}

// accept says whether an entry can be judged.
func (v *verifier) accept(e ledger.Entry, asked bool) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case contract.ValidateID(e.ID) != nil: // no service keeps such a thing
		v.verdict.Unexpected++
		v.verdict.find(fmt.Sprintf("%.64q", e.ID), "unexpected: this is no request's ID")
		return false
	case v.memory.forgot(e.Stored, v.memory.clock.Now()):
		if asked {
			v.verdict.Expired++
		}
		return false
	}
	return true
}

// missing returns those of the entries that another ledger does not have.
func missing(ctx context.Context, l ledger.Ledger, entries []ledger.Entry) ([]ledger.Entry, error) {
	has, err := get(ctx, l, entries)
	if err != nil {
		return nil, err
	}
	var missing []ledger.Entry
	for _, e := range entries {
		if _, ok := has[e.ID]; !ok {
			missing = append(missing, e)
		}
	}
	return missing, nil
}

// get returns the values that a ledger has under the IDs of the entries.
func get(ctx context.Context, l ledger.Ledger, entries []ledger.Entry) (map[string][]byte, error) {
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.ID
	}
	found, err := l.Get(ctx, ids...)
	values := make(map[string][]byte, len(found))
	for _, e := range found {
		values[e.ID] = e.Value
	}
	return values, err
}
