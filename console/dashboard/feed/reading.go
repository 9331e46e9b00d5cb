package feed

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/depth"
	"decoupled.example/console/internal/ask"
	"decoupled.example/console/status"
	"decoupled.example/console/verify"
	"decoupled.example/shared/topology"
)

// reading is one pass over everything, in the order in which requests pass.
type reading struct {
	status.Status
	asked      jetstream.StreamState
	letters    jetstream.StreamState
	duplicated uint64
}

func (f *Feed) read(ctx context.Context) (reading, error) {
	r := reading{Status: status.Status{Ledgers: make(map[string]uint64)}}
	var err error
	if r.Replicas, err = status.Replicas(ctx, f.conn); err != nil {
		return r, err
	}
	r.At = time.Now()
	if r.Queues, err = depth.Read(ctx, f.js); err != nil {
		return r, err
	}
	for _, name := range topology.LedgerNames {
		info, err := f.stream(ctx, "KV_"+name)
		if err != nil {
			return r, fmt.Errorf("cannot count ledger %s: %w", name, err)
		}
		r.Ledgers[name] = info.State.Msgs
		r.duplicated += verify.Repeated(info)
		if name == topology.Asked {
			r.asked = info.State
		}
	}
	info, err := f.stream(ctx, topology.DeadLetters)
	if err != nil {
		return r, fmt.Errorf("cannot count the dead letters: %w", err)
	}
	r.letters, r.Letters = info.State, info.State.Msgs
	return r, nil
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

// verdict judges by two readings in a row. If the queues were empty at the first
// and nothing was stored in them nor in the dead letters by the second, there was
// a moment in between at which all were empty together: what had been asked by
// the first reading was then finished, or set aside, or lost.
func verdict(before, now reading) Verdict {
	v := Verdict{Duplicated: now.duplicated, Letters: now.Letters, Outstanding: now.Unfinished()}
	if len(before.Queues) != len(now.Queues) || before.Unfinished() > 0 {
		return v
	}
	for i, q := range now.Queues {
		if b := before.Queues[i]; q.Stored != b.Stored || q.Messages != 0 {
			return v
		}
	}
	if b := before.letters; b.LastSeq != now.letters.LastSeq || b.Msgs != now.letters.Msgs {
		return v
	}
	accounted := now.Ledgers[topology.Received] + now.Letters
	v.Lost = max(before.Ledgers[topology.Asked], accounted) - accounted
	return v
}
