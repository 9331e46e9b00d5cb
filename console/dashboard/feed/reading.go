package feed

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/depth"
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
	letters       jetstream.StreamState
	duplicated    uint64
}

// begun is from where on a ledger counts. After a reset it is another one.
type begun struct {
	after   uint64 // this sequence
	created int64  // of the stream that was made then, in nanoseconds
}

func (f *Feed) read(ctx context.Context) (reading, error) {
	r := reading{Status: status.Status{Ledgers: make(map[string]uint64)}}
	var err error
	if r.Replicas, err = status.Replicas(ctx, f.conn); err != nil {
		return r, err
	}
	r.At = time.Now()
	if err := f.count(ctx, &r, 0); err != nil {
		return r, err
	}
	if r.Queues, err = depth.Read(ctx, f.js); err != nil {
		return r, err
	}
	for i := 1; i < len(topology.LedgerNames); i++ {
		if err := f.count(ctx, &r, i); err != nil {
			return r, err
		}
	}
	info, err := f.stream(ctx, topology.DeadLetters)
	if err != nil {
		return r, fmt.Errorf("cannot count the dead letters: %w", err)
	}
	r.letters, r.Letters = info.State, info.State.Msgs
	return r, nil
}

// count counts what a ledger has ever kept. Its entries alone are fewer, where
// ledgers forget.
func (f *Feed) count(ctx context.Context, r *reading, i int) error {
	name := topology.LedgerNames[i]
	info, err := f.stream(ctx, "KV_"+name)
	if err != nil {
		return fmt.Errorf("cannot count ledger %s: %w", name, err)
	}
	after, _ := strconv.ParseUint(info.Config.Metadata[topology.MetadataReset], 10, 64) // none: never reset
	r.begun[i] = begun{after: after, created: info.Created.UnixNano()}
	r.Ledgers[name] = max(info.State.LastSeq, after) - after
	r.duplicated += verify.Repeated(info)
	if name == topology.Asked {
		r.asked, r.clock = info.State, ask.NewClock(info.TimeStamp)
	}
	return nil
}

func (f *Feed) stream(ctx context.Context, name string) (info *jetstream.StreamInfo, err error) {
	err = ask.Patiently(ctx, f.conn, func(ctx context.Context) error {
		stream, err := f.js.Stream(ctx, name)
		if err == nil {
			info = stream.CachedInfo()
		}
		return err
	})
	return info, err
}

// flows tells rates from two readings.
func flows(before, now reading) []Flow {
	flows := make([]Flow, len(now.Queues))
	seconds := now.At.Sub(before.At).Seconds()
	if len(before.Queues) != len(now.Queues) || seconds <= 0 {
		return flows
	}
	for i, q := range now.Queues {
		b := before.Queues[i]
		if q.Stored < b.Stored { // the queue was made anew
			continue
		}
		in := float64(q.Stored - b.Stored)
		out := in - float64(int64(q.Messages)-int64(b.Messages))
		flows[i] = Flow{In: in / seconds, Out: max(out, 0) / seconds}
	}
	return flows
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
	v := Verdict{Duplicated: now.duplicated, Letters: now.Letters, Outstanding: now.Unfinished()}
	if before.begun != now.begun {
		return v
	}
	if before.letters.Msgs+now.letters.LastSeq-before.letters.LastSeq != now.letters.Msgs {
		v.Lost = last.Lost
		return v
	}
	found := now.Unfinished() + now.Ledgers[topology.Received] + now.Letters
	missing := max(now.Ledgers[topology.Asked], found) - found
	if v.Settled = settled(before.Queues, now.Queues); v.Settled {
		v.Lost = missing
	} else {
		v.Lost = max(missing, last.Lost) // what is on its way may hide what was missing before
	}
	return v
}

// settled is true when the queues were empty and nothing came into them between
// two readings: then there was a moment at which all were empty together.
func settled(before, now []depth.Depth) bool {
	for i, q := range now {
		if b := before[i]; b.Messages > 0 || q.Messages > 0 || q.Stored != b.Stored {
			return false
		}
	}
	return true
}
