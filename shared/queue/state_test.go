package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/topology"
)

func (f *fixture) stream(name string) *jetstream.StreamInfo {
	f.Helper()
	s, err := f.js.Stream(f.Context(), name)
	require.NoError(f, err)
	return s.CachedInfo()
}

func (f *fixture) consumer() *jetstream.ConsumerInfo {
	f.Helper()
	c, err := f.js.Consumer(f.Context(), topology.Requests, topology.Generator)
	require.NoError(f, err)
	return c.CachedInfo()
}

// left is how many messages are unfinished; unknown while the broker is away.
func (f *fixture) left() int {
	ctx, cancel := context.WithTimeout(f.Context(), time.Second)
	defer cancel()
	s, err := f.js.Stream(ctx, topology.Requests)
	if err != nil {
		return -1
	}
	return int(s.CachedInfo().State.Msgs)
}

// drained waits until nothing is left.
func (f *fixture) drained() {
	f.Helper()
	f.eventually(func() bool { return f.left() == 0 }, "messages are left in the queue")
}

func (f *fixture) eventually(condition func() bool, message string) {
	f.Helper()
	require.Eventually(f, condition, patience, often, message)
}

// message returns one of the queue's by its sequence.
func (f *fixture) message(sequence uint64) *jetstream.RawStreamMsg {
	f.Helper()
	s, err := f.js.Stream(f.Context(), topology.Requests)
	require.NoError(f, err)
	m, err := s.GetMsg(f.Context(), sequence)
	require.NoError(f, err)
	return m
}

// letters returns the dead letters, oldest first.
func (f *fixture) letters() []*jetstream.RawStreamMsg {
	f.Helper()
	s, err := f.js.Stream(f.Context(), topology.DeadLetters)
	require.NoError(f, err)
	letters := []*jetstream.RawStreamMsg{}
	for sequence := uint64(1); sequence <= s.CachedInfo().State.LastSeq; sequence++ {
		m, err := s.GetMsg(f.Context(), sequence)
		require.NoError(f, err)
		for _, name := range []string{"Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp"} {
			m.Header.Del(name) // the broker adds them to what it reads
		}
		letters = append(letters, m)
	}
	return letters
}

// attempt is an attempt record.
type attempt struct {
	Failures        int
	Reason, Running string
}

// records returns the attempt records, by their keys.
func (f *fixture) records() map[string]attempt {
	f.Helper()
	kv, err := f.js.KeyValue(f.Context(), topology.Attempts)
	require.NoError(f, err)
	lister, err := kv.ListKeys(f.Context())
	require.NoError(f, err)
	records := make(map[string]attempt)
	for key := range lister.Keys() {
		entry, err := kv.Get(f.Context(), key)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			continue // deleted meanwhile
		}
		require.NoError(f, err)
		var a attempt
		require.NoError(f, json.Unmarshal(entry.Value(), &a))
		records[key] = a
	}
	return records
}

// running is how many attempts in isolation are on record.
func (f *fixture) running() (n int) {
	f.Helper()
	for _, a := range f.records() {
		if a.Running != "" {
			n++
		}
	}
	return n
}
