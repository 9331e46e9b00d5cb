package verify

import (
	"context"
	"maps"
	"slices"

	"decoupled.example/console/drain"
	"decoupled.example/shared/ledger"
)

// judge decides for each request that was begun what became of it. Complete
// ones are counted in complete.
//
// A request that is not complete is lost only if it is still not complete after
// the queues were seen empty: it was published before it was found here, so at
// that moment it was finished, set aside, or gone.
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
	var empty bool
	if len(open) > 0 {
		if empty, dead, err = v.lookAgain(ctx, open, states); err != nil {
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
		case v.memory.forgot(e.Kept, v.memory.clock.Now()): // since it was walked past
			v.verdict.Expired++
		case empty:
			v.verdict.Lost++
			v.verdict.find(e.ID, "lost: %s, %s", origin, s.step())
		default:
			v.verdict.Outstanding++
		}
	}
	return nil
}

// lookAgain says which of the requests that were not complete have a letter, and
// whether the queues were seen empty. If so, it has read their states again.
func (v *verifier) lookAgain(ctx context.Context, open []ledger.Entry, states map[string]state) (empty bool, dead map[string]bool, err error) {
	empty, before, err := drain.CheckPatiently(ctx, v.js)
	if err != nil {
		return false, nil, err
	}
	if empty {
		again, err := v.states(ctx, open)
		if err != nil {
			return false, nil, err
		}
		maps.Copy(states, again)
	}
	ids := make([]string, len(open))
	for i, e := range open {
		ids[i] = e.ID
	}
	if dead, err = v.dead.Having(ctx, ids); err != nil {
		return false, nil, err
	}
	if empty {
		// What was in a letter when the queues were empty may have been redriven
		// before we looked for the letter.
		_, after, err := drain.CheckPatiently(ctx, v.js)
		if err != nil {
			return false, nil, err
		}
		empty = before.SameLetters(after)
	}
	return empty, dead, nil
}

// states reads how far requests have come. Only what is in one ledger is looked
// for in the next: an entry that is missing takes a question of its own.
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
