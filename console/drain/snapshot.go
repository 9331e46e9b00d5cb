package drain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"decoupled.example/shared/topology"
)

// State is one reading of a stream: what is needed to determine whether the
// stream changed between two readings.
type State struct {
	Stream   string    `json:"stream"`
	Messages uint64    `json:"messages"`
	LastSeq  uint64    `json:"last_seq"`
	Created  time.Time `json:"created"` // a stream that was created again starts at sequence 1

	// StuckAcks is the number of messages in a queue that the broker had not
	// removed although they were acked. Wait has just reset the consumer, so that
	// they are redelivered.
	StuckAcks uint64 `json:"stuck_acks,omitempty"`
}

// same reports whether the stream stored and removed nothing between two readings.
// For a queue, that holds only if the queue was empty at the first reading.
func (s State) same(t State) bool {
	return s.Messages == t.Messages && s.LastSeq == t.LastSeq && s.Created.Equal(t.Created)
}

// Snapshot holds the states of one pass: the queues in the order in which a
// request passes them, then the dead-letter queue.
type Snapshot []State

// Empty reports whether every queue was empty at its reading.
func (s Snapshot) Empty() bool { return s.Unfinished() == 0 }

// Unfinished returns the number of messages in the queues.
func (s Snapshot) Unfinished() (n uint64) {
	for _, x := range s {
		if x.Stream != topology.DeadLetters {
			n += x.Messages
		}
	}
	return n
}

// DeadLetters returns the number of dead letters.
func (s Snapshot) DeadLetters() uint64 { return s.of(topology.DeadLetters).Messages }

// sameLetters reports whether no dead letter was written, redriven or discarded
// between the two snapshots.
func (s Snapshot) sameLetters(t Snapshot) bool {
	return s.of(topology.DeadLetters).same(t.of(topology.DeadLetters))
}

// DeadLettersRemoved reports whether dead letters were redriven or discarded since an
// earlier snapshot.
func (s Snapshot) DeadLettersRemoved(since Snapshot) bool {
	before, now := since.of(topology.DeadLetters), s.of(topology.DeadLetters)
	return before.Messages+now.LastSeq-before.LastSeq != now.Messages || !now.Created.Equal(before.Created)
}

// of returns the state of one stream.
func (s Snapshot) of(stream string) State {
	i := slices.IndexFunc(s, func(x State) bool { return x.Stream == stream })
	if i < 0 {
		return State{Stream: stream}
	}
	return s[i]
}

func (s Snapshot) String() string {
	parts := make([]string, len(s))
	for i, x := range s {
		parts[i] = fmt.Sprintf("%s %d", x.Stream, x.Messages)
	}
	return strings.Join(parts, ", ")
}
