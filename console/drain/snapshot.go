package drain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"decoupled.example/shared/topology"
)

// State is what tells whether a stream was the same at two readings.
type State struct {
	Stream   string    `json:"stream"`
	Messages uint64    `json:"messages"`
	LastSeq  uint64    `json:"last_seq"`
	Created  time.Time `json:"created"` // a stream made anew counts from 1 again

	// Forgotten is how many messages of a queue the broker had not removed though
	// they were acknowledged. Wait has just had them delivered again.
	Forgotten uint64 `json:"forgotten,omitempty"`
}

// same is true when the stream has stored and removed nothing between the two
// readings. Of a queue it says so only if that was empty at the first one.
func (s State) same(t State) bool {
	return s.Messages == t.Messages && s.LastSeq == t.LastSeq && s.Created.Equal(t.Created)
}

// Snapshot are the states of one pass: the queues in the order a request passes
// them, then the dead letters.
type Snapshot []State

// Empty is true when no queue held a message at its reading.
func (s Snapshot) Empty() bool { return s.Unfinished() == 0 }

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
func (s Snapshot) Letters() uint64 { return s.of(topology.DeadLetters).Messages }

// SameLetters is true when no letter was written, redriven or discarded between
// the two snapshots.
func (s Snapshot) SameLetters(t Snapshot) bool {
	return s.of(topology.DeadLetters).same(t.of(topology.DeadLetters))
}

// of is the state of one stream.
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
