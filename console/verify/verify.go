package verify

import (
	"context"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/deadletter"
	"decoupled.example/console/internal/ask"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/topology"
)

// Run verifies the deployment, running or at rest. Requests that are asked meanwhile may or
// may not be part of the verdict. While the broker is unreachable Run waits until ctx ends.
// It fails only when something cannot be read; faults of the messages are in the verdict.
// Run calls progress, which may be nil, now and then and not concurrently, with the number
// of entries walked and the least total.
func Run(ctx context.Context, js jetstream.JetStream, t *topology.Topology, progress func(walked, whole uint64)) (Verdict, error) {
	v, err := newVerifier(ctx, js, t)
	if err != nil {
		return Verdict{}, fmt.Errorf("cannot verify: %w", err)
	}
	if progress != nil {
		v.progress = progress
	}
	if err := ask.WhileAllowed(ctx, js.Conn(), v.run); err != nil { // a ledger waits for a permission as for a broker
		return v.verdict, fmt.Errorf("cannot verify: %w", err)
	}
	return v.verdict, nil
}

type verifier struct {
	js                                 jetstream.JetStream
	dead                               *deadletter.Queue
	asked, generated, stored, received ledger.Ledger
	memory                             memory

	progress func(walked, whole uint64)
	walked   uint64 // entries

	mu      sync.Mutex // of what follows
	verdict Verdict
	seen    seen
	excused map[string]uint64 // of a ledger, how many entries may have expired that later ones need
}

func newVerifier(ctx context.Context, js jetstream.JetStream, t *topology.Topology) (*verifier, error) {
	dead, err := deadletter.Open(ctx, js)
	if err != nil {
		return nil, err
	}
	return &verifier{
		js: js, dead: dead, excused: make(map[string]uint64), progress: func(uint64, uint64) {},
		asked: t.Ledger(topology.Asked), generated: t.Ledger(topology.Generated),
		stored: t.Ledger(topology.Stored), received: t.Ledger(topology.Received),
	}, nil
}

func (v *verifier) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{v.count, v.walkAsked, v.walkGenerated, v.walkStored, v.walkReceived} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// seen is how many entries of each ledger were found to have all that must be
// before them, from an entry in asked on.
type seen struct{ generated, stored, received uint64 }

// count reads what is known of the ledgers without walking them.
func (v *verifier) count(ctx context.Context) (err error) {
	counts := []*uint64{&v.verdict.Asked, &v.verdict.Generated, &v.verdict.Stored, &v.verdict.Received}
	for i, name := range topology.LedgerNames {
		info, err := v.info(ctx, name)
		if err != nil {
			return err
		}
		*counts[i] = info.State.NumSubjects
		if n := Repeated(info); n > 0 {
			v.verdict.Duplicated += n
			v.verdict.find(name, "duplicated: %d entries were written over, or removed", n)
		}
		v.memory.note(info)
	}
	v.verdict.DeadLetters, err = v.dead.Count(ctx)
	return err
}

func (v *verifier) info(ctx context.Context, name string) (*jetstream.StreamInfo, error) {
	info, err := ask.Stream(ctx, v.js, "KV_"+name)
	if err != nil {
		return nil, fmt.Errorf("cannot read ledger %s: %w", name, err)
	}
	return info, nil
}

// walkAsked judges every request that was recorded as asked.
func (v *verifier) walkAsked(ctx context.Context) error {
	return v.walk(ctx, v.asked, func(ctx context.Context, entries []ledger.Entry) error {
		return v.judge(ctx, entries, "asked", &v.verdict.Complete, &v.seen)
	})
}

// walkGenerated judges what was generated for requests not recorded as asked.
func (v *verifier) walkGenerated(ctx context.Context) error {
	if all, err := v.sawAll(ctx, v.generated, v.seen.generated); all || err != nil {
		return err
	}
	return v.walk(ctx, v.generated, func(ctx context.Context, entries []ledger.Entry) error {
		missing, err := missing(ctx, v.asked, entries)
		if err != nil {
			return err
		}
		return v.judge(ctx, missing, "not recorded as asked", &v.verdict.Recovered, &seen{})
	})
}

// walkStored finds strings that were not generated.
func (v *verifier) walkStored(ctx context.Context) error {
	if all, err := v.sawAll(ctx, v.stored, v.seen.stored); all || err != nil {
		return err
	}
	return v.walk(ctx, v.stored, func(ctx context.Context, entries []ledger.Entry) error {
		return v.unexpected(ctx, v.generated, topology.Generated, entries, "stored, never generated")
	})
}

// walkReceived finds receipts for strings that were not stored.
func (v *verifier) walkReceived(ctx context.Context) error {
	if all, err := v.sawAll(ctx, v.received, v.seen.received); all || err != nil {
		return err
	}
	return v.walk(ctx, v.received, func(ctx context.Context, entries []ledger.Entry) error {
		return v.unexpected(ctx, v.stored, topology.Stored, entries, "received, never stored")
	})
}

// sawAll reports whether a ledger has no more entries than were seen coming from asked. Then
// each has an origin, and need not be looked at.
func (v *verifier) sawAll(ctx context.Context, l ledger.Ledger, seen uint64) (bool, error) {
	if v.verdict.Duplicated > 0 { // an entry may be there twice, and another one unseen
		return false, nil
	}
	n, err := l.Count(ctx)
	return n == seen, err
}

// unexpected finds the entries that an earlier ledger should have and has not.
// That was written first, so there is no race to lose.
//
// The earlier entry may have expired: a message may wait in its queue, or as a dead
// letter, for longer than the ledgers' retention. As many as have expired are not
// judged; whatever more there are have no origin.
func (v *verifier) unexpected(ctx context.Context, before ledger.Ledger, name string, entries []ledger.Entry, what string) error {
	missing, err := missing(ctx, before, entries)
	if err != nil || len(missing) == 0 {
		return err
	}
	info, err := v.info(ctx, name) // now, as some may have expired since the ledgers were counted
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, e := range missing {
		switch {
		case v.memory.forgot(e.Stored, v.memory.clock.Now()): // since it was walked past
		case v.excused[name] < expired(info):
			v.excused[name]++
			v.verdict.Expired++
		default:
			v.verdict.Unexpected++
			v.verdict.find(e.ID, "unexpected: %s", what)
		}
	}
	return nil
}
