// Package drain tells when everything is finished. It is what an end-to-end
// test waits for, and it cannot be wrong.
//
// No snapshot over several streams exists, and a message that moves on while
// they are read one after the other can be missed by every single reading. So
// Check reads all streams twice:
//
//	pass 1:  REQUESTS 0   RESPONSES 0   RECEIPTS 0   letters
//	          ├──────────────────────────────────────┤
//	                                   ▲ all these intervals contain this moment
//	          ├──────────────────────────────────────┤
//	pass 2:  REQUESTS ─   RESPONSES ─   RECEIPTS ─   letters ─    ─: as in pass 1
//
// A queue that was empty in pass 1 and has stored nothing by pass 2 was empty
// in between. All these intervals contain the moment between the passes: at that
// moment all queues were empty together, whatever moves forward, aside or back.
// As a service acknowledges only what it has published downstream, each request
// confirmed before that moment is finished, or is among the dead letters counted.
//
// # What it does not say
//
//   - A late duplicate may still pass through afterwards: of a message whose
//     worker lost its connection, or whose publisher repeats. It changes no ledger.
//   - On a cluster, a leader that is cut off from the others answers with what
//     it knew for up to about ten seconds.
//   - While someone keeps asking, a system is never drained.
package drain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/shared/topology"
)

// pollEvery is how often Wait checks.
const pollEvery = 100 * time.Millisecond

// State is what tells whether a stream was the same at two readings.
type State struct {
	Stream   string    `json:"stream"`
	Messages uint64    `json:"messages"`
	LastSeq  uint64    `json:"last_seq"`
	Created  time.Time `json:"created"` // a stream made anew counts from 1 again
}

// Snapshot are the states of one pass: the queues in the order a request passes
// them, then the dead letters.
type Snapshot []State

// Empty is true when no queue held a message at its reading.
func (s Snapshot) Empty() bool {
	return !slices.ContainsFunc(s, func(x State) bool { return x.Stream != topology.DeadLetters && x.Messages > 0 })
}

// Unfinished is how many messages the queues held.
func (s Snapshot) Unfinished() (n uint64) {
	for _, x := range s {
		if x.Stream != topology.DeadLetters {
			n += x.Messages
		}
	}
	return n
}

// Letters is how many dead letters there were.
func (s Snapshot) Letters() (n uint64) {
	for _, x := range s {
		if x.Stream == topology.DeadLetters {
			n += x.Messages
		}
	}
	return n
}

func (s Snapshot) String() string {
	parts := make([]string, len(s))
	for i, x := range s {
		parts[i] = fmt.Sprintf("%s %d", x.Stream, x.Messages)
	}
	return strings.Join(parts, ", ")
}

// reader reads the state of one stream.
type reader func(ctx context.Context, stream string) (State, error)

// order is in which the streams are read. For Check any order is right.
var order = append(slices.Clone(topology.QueueNames), topology.DeadLetters)

// Check says whether there was a moment during the call at which all queues
// were empty together. The snapshot is the second pass: what remains if not.
func Check(ctx context.Context, js jetstream.JetStream) (bool, Snapshot, error) {
	return check(ctx, streamState(js))
}

func check(ctx context.Context, read reader) (bool, Snapshot, error) {
	first, err := pass(ctx, read, order)
	if err != nil {
		return false, nil, err
	}
	second, err := pass(ctx, read, order)
	if err != nil {
		return false, nil, err
	}
	return first.Empty() && slices.EqualFunc(first, second, same), second, nil
}

func same(a, b State) bool {
	return a.Messages == b.Messages && a.LastSeq == b.LastSeq && a.Created.Equal(b.Created)
}

func pass(ctx context.Context, read reader, order []string) (Snapshot, error) {
	snapshot := make(Snapshot, 0, len(order))
	for _, stream := range order {
		s, err := read(ctx, stream)
		if err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", stream, err)
		}
		snapshot = append(snapshot, s)
	}
	return snapshot, nil
}

func streamState(js jetstream.JetStream) reader {
	return func(ctx context.Context, name string) (State, error) {
		stream, err := js.Stream(ctx, name)
		if err != nil {
			return State{}, err
		}
		info := stream.CachedInfo()
		return State{Stream: name, Messages: info.State.Msgs, LastSeq: info.State.LastSeq, Created: info.Created}, nil
	}
}

// ErrNotDrained is the error of a Wait that ended before the queues were empty.
var ErrNotDrained = errors.New("not drained")

// Wait returns nil as soon as a Check succeeds. It goes on while the broker is
// away. When ctx ends first, the error unwraps to ErrNotDrained and says what
// remains and whether new requests keep arriving. Each snapshot is given to
// progress, which may be nil.
func Wait(ctx context.Context, js jetstream.JetStream, progress func(Snapshot)) error {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	var (
		begun       = time.Now()
		first, last Snapshot
		trouble     error
	)
	for {
		drained, snapshot, err := Check(ctx, js)
		switch {
		case err == nil:
			last, trouble = snapshot, nil
			if first == nil {
				first = snapshot
			}
			if progress != nil {
				progress(snapshot)
			}
			if drained {
				return nil
			}
		case errors.Is(err, jetstream.ErrStreamNotFound):
			return fmt.Errorf("%w: run setup", err)
		case errors.Is(err, nats.ErrConnectionClosed):
			return err
		case ctx.Err() == nil:
			trouble = err
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return notDrained(first, last, time.Since(begun), trouble)
		}
	}
}

func notDrained(first, last Snapshot, took time.Duration, trouble error) error {
	switch {
	case trouble != nil:
		return fmt.Errorf("%w: the broker does not answer: %w", ErrNotDrained, trouble)
	case last == nil:
		return fmt.Errorf("%w: there was no time for a single reading", ErrNotDrained)
	}
	why := fmt.Sprintf("%d messages remain (%s)", last.Unfinished(), last)
	if before, now := first[0].LastSeq, last[0].LastSeq; now > before {
		why += fmt.Sprintf("; new requests keep arriving: %.3g/s", float64(now-before)/took.Seconds())
	}
	return fmt.Errorf("%w: %s", ErrNotDrained, why)
}
