package verify

import (
	"context"
	"maps"
	"slices"

	"decoupled.example/console/drain"
	"decoupled.example/shared/ledger"
)

// judge determines the verdict on each request. Complete ones are counted in complete.
//
// A request that is not complete is lost only if it is still not complete after
// the queues were seen empty: it was published before it was found here, so at
// that moment it was finished, dead-lettered, or gone.
func (v *verifier) judge(ctx context.Context, entries []ledger.Entry, origin string, complete *uint64, seen *seen) error {
	states, err := v.states(ctx, entries)
	if err != nil {
		return err
	}
	var open []ledger.Entry
	for _, e := range entries {
		if !states[e.ID].finished() {
			open = append(open, e)
		}
	}
	var dead map[string]bool
	var settled bool
	if len(open) > 0 {
		if settled, dead, err = v.lookAgain(ctx, open, states); err != nil {
			return err
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, e := range entries {
		s := states[e.ID]
		seen.add(s)
		switch {
		case s.differ != "": // first: neither a letter nor a missing receipt excuses it
			v.verdict.Mismatched++
			v.verdict.find(e.ID, "mismatched: %s", s.differ)
		case e.Value != nil: // only walkAsked comes here with one
			v.verdict.Mismatched++
			v.verdict.find(e.ID, "mismatched: what was recorded as asked is another request")
		case s.finished():
			*complete++
		case dead[e.ID]:
			v.verdict.Dead++
		case v.memory.forgot(e.Stored, v.memory.clock.Now()): // since it was walked past
			v.verdict.Expired++
		case settled:
			v.verdict.Lost++
			v.verdict.find(e.ID, "lost: %s, %s", origin, s.step())
		default:
			v.verdict.Outstanding++
		}
	}
	return nil
}

// lookAgain returns which of the unfinished requests have a dead letter, and whether
// the others are lost unless their states say otherwise now: it reads those again.
func (v *verifier) lookAgain(ctx context.Context, open []ledger.Entry, states map[string]state) (settled bool, dead map[string]bool, err error) {
	ids := make([]string, len(open))
	for i, e := range open {
		ids[i] = e.ID
	}
	settled, err = drain.Conclusive(ctx, v.js, func(ctx context.Context) error {
		again, err := v.states(ctx, open)
		if err != nil {
			return err
		}
		maps.Copy(states, again)
		dead, err = v.dead.Having(ctx, ids)
		return err
	})
	if err == nil && dead == nil { // the queues are not drained
		dead, err = v.dead.Having(ctx, ids)
	}
	return settled, dead, err
}

// states reads how far requests have come. It looks only for requests of one ledger in the
// next, because each missing entry takes a request of its own.
func (v *verifier) states(ctx context.Context, entries []ledger.Entry) (map[string]state, error) {
	var values [3]map[string][]byte
	reached := entries
	for i, l := range []ledger.Ledger{v.generated, v.stored, v.received} {
		var err error
		if values[i], err = get(ctx, l, reached); err != nil {
			return nil, err
		}
		reached = slices.DeleteFunc(slices.Clone(reached), func(e ledger.Entry) bool {
			_, ok := values[i][e.ID]
			return !ok
		})
	}
	states := make(map[string]state, len(entries))
	for _, e := range entries {
		states[e.ID] = newState(e.ID, values[0], values[1], values[2])
	}
	return states, nil
}
