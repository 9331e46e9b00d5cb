package feed

import (
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/deadletter"
	"decoupled.example/shared/topology"
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
	dead     *deadletter.Queue     // once they were there
	listed   jetstream.StreamState // of which the newest letters were read
	listing  bool                  // that was in the last round
}

// New returns a feed that asks over the connection of js, which stays the
// caller's to close.
func New(js jetstream.JetStream) *Feed { return &Feed{conn: js.Conn(), js: js, within: within} }

// Run gives publish a snapshot once a second, and the first at once, until ctx
// ends. Snapshots say when the broker is unreachable.
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
	f.latest.Rates = now.Rates(f.last.Status)
	f.latest.Verdict = verdict(f.last, now, f.latest.Verdict)
	if f.last.begun != now.begun { // what was before says nothing any more
		f.latest.History = nil
	}
	f.latest.History = remember(f.latest.History, now.point())
	f.latest.Requests = f.requests.list()
	f.latest.Latency = latency(f.requests.finished, now.clock.Now())
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
	if err := f.requests.look(ctx, f.js, now.asked, now.clock.Now()); err != nil {
		return now, err
	}
	// Either of the two questions about letters, in turn when there is reason for
	// both, so that however fast letters come no round asks for more.
	letters := now.Streams[topology.DeadLetters].State
	if f.listing = !f.listing && f.otherLetters(letters); f.listing {
		return now, f.readLetters(ctx, letters)
	}
	return now, f.requests.mark(ctx, f.js, letters)
}

// otherLetters is true when there are others than were read last, or these were
// not all that were wanted.
func (f *Feed) otherLetters(now jetstream.StreamState) bool {
	return len(f.latest.DeadLetters) != int(min(now.Msgs, shownLetters)) ||
		f.listed.Msgs != now.Msgs || f.listed.LastSeq != now.LastSeq || f.listed.FirstSeq != now.FirstSeq
}

// readLetters reads the newest letters.
func (f *Feed) readLetters(ctx context.Context, now jetstream.StreamState) error {
	var err error
	if f.dead == nil {
		if f.dead, err = deadletter.Open(ctx, f.js); err != nil {
			return err
		}
	}
	newest, err := f.dead.Newest(ctx, shownLetters, now)
	if err == nil {
		f.latest.DeadLetters, f.listed = newest, now
	}
	return err
}

// remember adds a point to the history of the last minutes.
func remember(points []Point, p Point) []Point {
	old := slices.IndexFunc(points, func(q Point) bool { return p.At.Sub(q.At) <= history })
	if old < 0 {
		old = len(points)
	}
	return append(slices.Clone(points[old:]), p) // a copy: others are reading the last one
}
