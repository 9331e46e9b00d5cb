package verify

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/topology"
)

func TestMemory_KnowsWhatHasExpired(t *testing.T) {
	t.Parallel()
	kept := time.UnixMilli(0x019000000000)
	for _, test := range []struct {
		name   string
		memory memory
		age    time.Duration
		want   bool
	}{
		{"nothing is forgotten", memory{}, 1000 * time.Hour, false},
		{"it is young", memory{keep: time.Hour}, 58 * time.Minute, false},
		{"other steps may be gone", memory{keep: time.Hour}, 59*time.Minute + time.Second, true},
		{"a short retention, young", memory{keep: time.Second}, 499 * time.Millisecond, false},
		{"a short retention, old", memory{keep: time.Second}, 501 * time.Millisecond, true},
		{"it was forgotten before the retention was made longer", memory{since: kept.Add(1)}, time.Second, true},
		{"it is younger than what was forgotten then", memory{since: kept}, time.Second, false},
	} {
		require.Equal(t, test.want, test.memory.forgot(kept, kept.Add(test.age)), test.name)
	}
}

func TestMemoryIsThatOfTheShortestLedger(t *testing.T) {
	t.Parallel()
	var m memory
	for _, keep := range []time.Duration{0, 3 * time.Hour, time.Hour, 2 * time.Hour, 0} {
		m.note(&jetstream.StreamInfo{Config: jetstream.StreamConfig{MaxAge: keep}})
	}
	require.Equal(t, time.Hour, m.keep)
}

func TestRepeated(t *testing.T) {
	t.Parallel()
	made := time.Unix(0, 0)
	const young, old = time.Minute, 2 * time.Hour
	for _, test := range []struct {
		name              string
		first, last, keys uint64
		reset             string
		keep, age         time.Duration
		want              uint64
	}{
		{name: "empty", age: young, want: 0},
		{name: "each once", first: 1, last: 10, keys: 10, age: young, want: 0},
		{name: "one twice", first: 1, last: 11, keys: 10, age: young, want: 1},
		{name: "the first one twice", first: 2, last: 11, keys: 10, age: old, want: 1},
		{name: "after a reset", first: 11, last: 10, keys: 0, reset: "10", age: old, want: 0},
		{name: "once since a reset", first: 11, last: 15, keys: 5, reset: "10", age: old, want: 0},
		{name: "twice since a reset", first: 12, last: 16, keys: 5, reset: "10", age: old, want: 1},
		{name: "a reset that is still to come", first: 1, last: 5, keys: 5, reset: "100", age: old, want: 0},
		{name: "a reset that says nothing", first: 1, last: 5, keys: 5, reset: "x", age: old, want: 0},
		{name: "expired at the front", first: 6, last: 10, keys: 5, keep: time.Hour, age: old, want: 0},
		{name: "all expired", first: 11, last: 10, keys: 0, keep: time.Hour, age: old, want: 0},
		{name: "expired at the front, and one twice", first: 6, last: 10, keys: 4, keep: time.Hour, age: old, want: 1},
		{name: "too young for anything to expire", first: 2, last: 5, keys: 4, keep: time.Hour, age: young, want: 1},
	} {
		require.Equal(t, test.want, Repeated(&jetstream.StreamInfo{
			Config:  jetstream.StreamConfig{MaxAge: test.keep, Metadata: map[string]string{topology.MetadataReset: test.reset}},
			State:   jetstream.StreamState{FirstSeq: test.first, LastSeq: test.last, NumSubjects: test.keys},
			Created: made, TimeStamp: made.Add(test.age),
		}), test.name)
	}
}
