package feed

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/drain"
	"decoupled.example/console/internal/ask"
	"decoupled.example/console/status"
	"decoupled.example/console/verify"
	"decoupled.example/shared/topology"
)

// reading is one pass over everything: what was asked, then all places in the
// order in which requests pass them, then the dead letters.
type reading struct {
	status.Status           // its ledgers count what was ever kept, forgotten since or not
	clock         ask.Clock // the broker's; the status has the time of ours
	begun         [4]begun
	asked         jetstream.StreamState
	pass          drain.Snapshot // the queues and the dead letters
	duplicated    uint64
}

// begun is from where on a ledger counts. After a reset it is another one.
type begun struct {
	after   uint64 // this sequence
	created int64  // of the stream that was made then, in nanoseconds
}

// read reads the status. Of a ledger it counts what that has ever kept: its entries
// alone are fewer, where entries expire.
func (f *Feed) read(ctx context.Context) (r reading, err error) {
	if r.Status, err = status.Read(ctx, f.conn, f.js); err != nil {
		return r, err
	}
	for i, name := range topology.LedgerNames {
		info := r.Streams[name]
		after := verify.Begun(info)
		r.begun[i] = begun{after: after, created: info.Created.UnixNano()}
		r.Ledgers[name] = max(info.State.LastSeq, after) - after
		r.duplicated += verify.Repeated(info)
	}
	asked, dead := r.Streams[topology.Asked], r.Streams[topology.DeadLetters]
	r.asked, r.clock = asked.State, ask.NewClock(dead.TimeStamp) // which has just come
	for _, q := range r.Queues {
		r.pass = append(r.pass, drain.State{Stream: q.Queue, Messages: q.Messages, LastSeq: q.Stored, Created: q.Created})
	}
	r.pass = append(r.pass, drain.State{Stream: topology.DeadLetters, Messages: dead.State.Msgs, LastSeq: dead.State.LastSeq, Created: dead.Created})
	return r, nil
}

func (r reading) point() Point {
	p := Point{At: r.At}
	for i, name := range topology.LedgerNames {
		p.Ledgers[i] = r.Ledgers[name]
	}
	for i, q := range r.Queues {
		p.Depths[i] = q.Messages
	}
	return p
}

// verdict judges a reading; see the package comment. It needs the reading before
// to know whether a letter has gone meanwhile, which may have been redriven past
// us, and whether anything has moved at all.
func verdict(before, now reading, last Verdict) Verdict {
	v := Verdict{Duplicated: now.duplicated, DeadLetters: now.DeadLetters, Outstanding: now.Unfinished()}
	if before.begun != now.begun {
		return v
	}
	if now.pass.DeadLettersRemoved(before.pass) {
		v.Lost = last.Lost
		return v
	}
	found := now.Unfinished() + now.Ledgers[topology.Received] + now.DeadLetters
	missing := max(now.Ledgers[topology.Asked], found) - found
	if v.Drained = drain.DrainedBetween(before.pass, now.pass); v.Drained {
		v.Lost = missing
	} else {
		v.Lost = max(missing, last.Lost) // what is in flight may hide what was missing before
	}
	return v
}
