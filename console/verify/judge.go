package verify

import "context"

// state is how far a request has come.
type state struct {
	generated, stored, received bool
	same                        bool // the strings generated and stored
}

func (s state) finished() bool { return s.generated && s.stored && s.received }

// step says where a request that is not complete stands.
func (s state) step() string {
	switch {
	case !s.generated:
		return "never generated"
	case !s.stored:
		return "generated, never stored"
	default:
		return "stored, never received"
	}
}

// judge decides for each request that was begun what became of it. Complete
// ones are counted in complete.
//
// A request that is not complete is lost only if it is still not complete after
// the queues were seen empty: it was published before it was found here, so at
// that moment it was finished, set aside, or gone.
func (v *verifier) judge(ctx context.Context, ids []string, origin string, complete *uint64) error {
	states, err := v.states(ctx, ids)
	if err != nil {
		return err
	}
	var open []string
	for _, id := range ids {
		if s := states[id]; s.finished() {
			v.conclude(id, s, complete)
		} else {
			open = append(open, id)
		}
	}
	if len(open) == 0 {
		return nil
	}
	empty, err := v.seenEmpty(ctx)
	if err != nil {
		return err
	}
	if states, err = v.states(ctx, open); err != nil {
		return err
	}
	dead, err := v.dead.Having(ctx, open)
	if err != nil {
		return err
	}
	for _, id := range open {
		switch s := states[id]; {
		case s.finished():
			v.conclude(id, s, complete)
		case dead[id]:
			v.verdict.Dead++
		case empty:
			v.verdict.Lost++
			v.verdict.find(id, "lost: %s, %s", origin, s.step())
		default:
			v.verdict.Outstanding++
		}
	}
	return nil
}

// conclude judges a request that is in all ledgers behind its origin.
func (v *verifier) conclude(id string, s state, complete *uint64) {
	if !s.same {
		v.verdict.Mismatched++
		v.verdict.find(id, "mismatched: the string stored is not the string generated")
		return
	}
	*complete++
}

func (v *verifier) states(ctx context.Context, ids []string) (map[string]state, error) {
	generated, err := v.get(ctx, v.generated, ids)
	if err != nil {
		return nil, err
	}
	stored, err := v.get(ctx, v.stored, ids)
	if err != nil {
		return nil, err
	}
	received, err := v.get(ctx, v.received, ids)
	if err != nil {
		return nil, err
	}
	states := make(map[string]state, len(ids))
	for _, id := range ids {
		g, hasGenerated := generated[id]
		s, hasStored := stored[id]
		_, hasReceived := received[id]
		states[id] = state{
			generated: hasGenerated, stored: hasStored, received: hasReceived,
			same: hasGenerated && hasStored && text(g) == text(s),
		}
	}
	return states, nil
}
