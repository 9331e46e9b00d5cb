package ledger_test

import (
	"flag"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/topology"
)

var million = flag.Bool("ledger.million", false, "walk a ledger of a million entries, and log how long it takes")

// How much is read at once, and how often something is asked, are exact figures,
// unlike the size of a heap that is shared with a broker, and unlike time.
func TestManyEntriesAreCountedAtOnceAndWalkedInLittleMemory(t *testing.T) {
	t.Parallel()
	entries, every := 20_000, 2_000
	if *million {
		entries, every = 1_000_000, 100_000
	}
	const page = 4096 // what one request reads
	broker := brokertest.Start(t)
	createBucket(t, broker.Connect(), "many", topology.Settings{})
	fill(t, open(t, broker.Connect(), slog.New(slog.DiscardHandler), "many"), entries)
	conn := broker.Connect()
	l := open(t, conn, slog.New(slog.DiscardHandler), "many")
	_, err := l.Get(t.Context(), "warm-up") // makes the connection's own subscription
	require.NoError(t, err)

	begun, before := time.Now(), conn.Stats()
	n, err := l.Count(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, entries, n)
	after := conn.Stats()
	require.EqualValues(t, 1, after.OutMsgs-before.OutMsgs, "one question")
	require.Less(t, after.InBytes-before.InBytes, uint64(8<<10), "and a short answer, whatever the number")
	t.Logf("Count of %d took %s", entries, time.Since(begun))

	var (
		freed   atomic.Int64
		walked  = 0
		highest uint64
		subs    = conn.NumSubscriptions()
	)
	atFirst := heap()
	begun, before = time.Now(), conn.Stats()
	for e, err := range l.All(t.Context()) {
		require.NoError(t, err)
		if e.ID != name(walked) { // a million times
			require.Equal(t, name(walked), e.ID)
		}
		runtime.AddCleanup(&e.Value[0], func(struct{}) { freed.Add(1) }, struct{}{})
		walked++
		if walked%every != 0 {
			continue
		}
		require.Eventually(t, func() bool {
			runtime.GC()
			return walked-int(freed.Load()) <= 2*page
		}, patience, time.Millisecond, "it holds on to %d of %d entries", walked-int(freed.Load()), walked)
		highest = max(highest, heap())
	}
	require.Equal(t, entries, walked)
	// On a busy machine an answer may come too late, and is asked for again.
	after = conn.Stats()
	questions := int(after.OutMsgs - before.OutMsgs)
	require.Less(t, questions, 10*(entries/page+2), "a page for each question")
	require.LessOrEqual(t, int(after.InMsgs-before.InMsgs), questions*(page+1), "and no more than that")
	require.Equal(t, subs, conn.NumSubscriptions(), "none is left behind")
	t.Logf("All of %d took %s; the heap, with the broker's, was %d MiB before and at most %d MiB meanwhile",
		entries, time.Since(begun), atFirst>>20, highest>>20)
}

func heap() uint64 {
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return memory.HeapAlloc
}

func name(i int) string { return fmt.Sprintf("id-%07d", i) }

func fill(t *testing.T, l ledger.Ledger, n int) {
	t.Helper()
	const batch = 5000
	for begin := 0; begin < n; begin += batch {
		entries := make([]ledger.Entry, batch)
		for i := range entries {
			entries[i] = ledger.Entry{ID: name(begin + i), Value: make([]byte, 100)}
		}
		_, err := l.PutIfAbsent(t.Context(), entries...)
		require.NoError(t, err)
	}
}
