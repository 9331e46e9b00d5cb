package verify_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/internal/testbed"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

// remake makes a ledger again, otherwise.
func remake(t *testing.T, b *testbed.Bed, name string, change func(*jetstream.StreamConfig)) {
	t.Helper()
	stream, err := b.JS.Stream(b.Context(), "KV_"+name)
	require.NoError(t, err)
	config := stream.CachedInfo().Config
	change(&config)
	require.NoError(t, b.JS.DeleteStream(b.Context(), config.Name))
	_, err = b.JS.CreateStream(b.Context(), config)
	require.NoError(t, err)
}

// ordinary is a bucket whose keys can be written again.
func ordinary(c *jetstream.StreamConfig) {
	c.DiscardNewPerSubject, c.Discard = false, jetstream.DiscardOld
}

// A key that was written twice is found by the numbers alone, wherever it is,
// in whichever ledger, with the same value or another.
func TestKeyWrittenTwice(t *testing.T) {
	t.Parallel()
	const n = 9
	for i, name := range topology.LedgerNames {
		for which, key := range map[string]int{"first": 0, "middle": n / 2, "last": n - 1} {
			for kind, change := range map[string]func(*jetstream.StreamConfig){
				"ordinary bucket": ordinary,
				"one with a history": func(c *jetstream.StreamConfig) {
					ordinary(c)
					c.MaxMsgsPerSubject = 5
				},
				"one that forgets, and is young": func(c *jetstream.StreamConfig) {
					ordinary(c)
					c.MaxAge = time.Hour
				},
			} {
				if i > 0 && kind != "ordinary bucket" {
					continue // the ledgers are all alike
				}
				t.Run(fmt.Sprintf("%s, the %s key, %s", name, which, kind), func(t *testing.T) {
					t.Parallel()
					b := testbed.Start(t)
					remake(t, b, name, change)
					ids := make([]string, n)
					for k := range ids {
						ids[k] = contract.NewID()
						plant(b, ids[k], topology.LedgerNames...)
					}
					require.Zero(t, run(t, b).Duplicated)

					_, err := b.JS.Publish(b.Context(), "$KV."+name+"."+ids[key], response(ids[key], "the same").Value)
					require.NoError(t, err)
					verdict := run(t, b)
					require.EqualValues(t, 1, verdict.Duplicated, "%+v", verdict)
					require.False(t, verdict.OK())
					require.Equal(t, name+" duplicated: 1 entries were written over, or removed", verdict.Findings[0].String())
				})
			}
		}
	}
}

// An entry that someone removed is no longer the record of what was done.
func TestEntryRemoved(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	finished(t, b, 5)
	stream, err := b.JS.Stream(b.Context(), "KV_stored")
	require.NoError(t, err)
	require.NoError(t, stream.DeleteMsg(b.Context(), 1))
	verdict := run(t, b)
	require.EqualValues(t, 1, verdict.Duplicated)
	require.EqualValues(t, 1, verdict.Lost)
}

// A set-once ledger cannot be written twice, so nothing is ever reported of
// one, also when many try.
func TestSetOnceLedgerHasNoDuplicates(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	id := contract.NewID()
	for range 3 {
		plant(b, id, topology.LedgerNames...)
	}
	_, err := b.JS.Publish(b.Context(), "$KV.stored."+id, []byte("again"))
	require.Error(t, err)
	verdict := run(t, b)
	require.Zero(t, verdict.Duplicated)
	require.True(t, verdict.Finished(), "%+v", verdict)
}

// What was written before a reset does not count, whatever the reset has noted.
func TestDuplicatesAreCountedSinceTheReset(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	remake(t, b, topology.Asked, ordinary)
	rewrite := func() {
		for range 4 {
			_, err := b.JS.Publish(b.Context(), "$KV.asked.x", nil)
			require.NoError(t, err)
		}
	}
	rewrite()
	require.EqualValues(t, 3, run(t, b).Duplicated)

	stream, err := b.JS.Stream(b.Context(), "KV_asked")
	require.NoError(t, err)
	require.NoError(t, stream.Purge(b.Context()))
	note := func(value string) {
		config := stream.CachedInfo().Config
		config.Metadata[topology.MetadataReset] = value
		_, err := b.JS.UpdateStream(b.Context(), config)
		require.NoError(t, err)
	}
	note("4")
	require.Zero(t, run(t, b).Duplicated)
	rewrite()
	require.EqualValues(t, 3, run(t, b).Duplicated)
	note("7")
	require.Zero(t, run(t, b).Duplicated)
	note("1000") // nonsense is no reason for a wrong alarm of 18 quintillion
	require.Zero(t, run(t, b).Duplicated)
	note("nonsense")
	require.EqualValues(t, 7, run(t, b).Duplicated)
}
