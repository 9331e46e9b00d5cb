package feed

import (
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/letters"
)

const (
	// every is how often the broker is asked.
	every = time.Second
	// within is how long one round of questions may take.
	within = 3 * time.Second
	// history is how far back the points go.
	history = 15 * time.Minute
	// shownLetters is how many of the dead letters are read.
	shownLetters = 10
)

// Feed asks the broker. It is for one Run.
type Feed struct {
	conn   *nats.Conn
	js     jetstream.JetStream
	within time.Duration

	last     reading
	latest   Snapshot
	requests requests
	dead     *letters.Letters // once they were there
}

// New returns a feed that asks over the connection of js, which stays the
// caller's to close.
func New(js jetstream.JetStream) *Feed { return &Feed{conn: js.Conn(), js: js, within: within} }

// Run gives publish a snapshot once a second, and the first at once, until ctx
// ends. While the broker is away the snapshots say so.
func (f *Feed) Run(ctx context.Context, publish func(Snapshot)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		f.round(ctx)
		if ctx.Err() != nil {
			return
		}
		publish(f.latest)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// round asks everything once.
func (f *Feed) round(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, f.within)
	defer cancel()
	now, err := f.all(ctx)
	f.latest.At = time.Now()
	if err != nil {
		if f.latest.Trouble == nil {
			f.latest.Lost = f.latest.At
		}
		f.latest.Trouble = err
		return
	}
	f.latest.Trouble, f.latest.Lost = nil, time.Time{}
	f.latest.Status = now.Status
	f.latest.Flows = flows(f.last, now)
	f.latest.Verdict = verdict(f.last, now)
	f.latest.History = remember(f.latest.History, now.point())
	f.latest.Requests = f.requests.list()
	f.latest.Latency = latency(f.requests.finished, f.latest.At)
	f.last = now
}

func (f *Feed) all(ctx context.Context) (reading, error) {
	if !f.conn.IsConnected() {
		return reading{}, nats.ErrDisconnected
	}
	now, err := f.read(ctx)
	if err != nil {
		return now, err
	}
	if err := f.readLetters(ctx, now); err != nil {
		return now, err
	}
	return now, f.requests.look(ctx, f.js, now.asked, f.latest.Letters, time.Now())
}

// readLetters reads the newest letters when there are others than were read last.
func (f *Feed) readLetters(ctx context.Context, now reading) error {
	last := f.last.letters
	if complete := len(f.latest.Letters) == int(min(now.letters.Msgs, shownLetters)); complete &&
		last.Msgs == now.letters.Msgs && last.LastSeq == now.letters.LastSeq && last.FirstSeq == now.letters.FirstSeq {
		return nil
	}
	var err error
	if f.dead == nil {
		if f.dead, err = letters.Open(ctx, f.js); err != nil {
			return err
		}
	}
	newest, err := f.dead.Newest(ctx, shownLetters, now.letters)
	if err == nil {
		f.latest.Letters = newest
	}
	return err
}

// remember adds a point to what there was in the last minutes. Counts that fall
// were reset, and what was before says nothing any more.
func remember(points []Point, p Point) []Point {
	if n := len(points); n > 0 && points[n-1].Ledgers[0] > p.Ledgers[0] {
		points = nil
	}
	old := slices.IndexFunc(points, func(q Point) bool { return p.At.Sub(q.At) <= history })
	if old < 0 {
		old = len(points)
	}
	return append(slices.Clone(points[old:]), p) // a copy: others are reading the last one
}
