package drain_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/drain"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/console/verify"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/topology"
)

// A worker that was paused with a request in hand wakes up after the system was
// drained, does its work, and publishes the response a second time. That passes
// through, and changes no ledger.
func TestLateDuplicateOfAPausedWorkerChangesNothing(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	requests := b.Ask(1)
	consumer, err := b.JS.Consumer(b.Context(), topology.Requests, topology.Generator)
	require.NoError(t, err)
	batch, err := consumer.Fetch(1, jetstream.FetchMaxWait(10*time.Second))
	require.NoError(t, err)
	inHand := <-batch.Messages()
	require.NotNil(t, inHand, "the worker is paused with this")
	b.Ask(9)
	b.Services()
	require.NoError(t, drain.Wait(b.Context(), b.JS, nil), "others do its work")
	before := everything(b)

	// By now the broker has forgotten the first response's ID.
	b.Broker.Restart()
	mine, err := contract.Requests.Decode(inHand.Headers(), inHand.Data())
	require.NoError(t, err)
	require.Equal(t, requests[0].ID, mine.ID)
	kept, err := b.Topology.Ledger(topology.Generated).PutIfAbsent(b.Context(), ledger.Entry{ID: mine.ID, Value: []byte("another string")})
	require.NoError(t, err)
	var response contract.Response
	require.NoError(t, json.Unmarshal(kept[0].Value, &response), "what was kept before wins")
	lastReceipt := lastSequence(t, b, topology.Receipts)
	require.NoError(t, b.Topology.Responses.Publish(b.Context(), response))
	_ = inHand.Ack()

	b.Eventually(func() bool { return lastSequence(t, b, topology.Receipts) > lastReceipt }, "the duplicate passes through")
	require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
	require.Equal(t, before, everything(b))
	verdict, err := verify.Run(b.Context(), b.JS, b.Topology, nil)
	require.NoError(t, err)
	require.True(t, verdict.Finished(), "%+v", verdict)
	require.EqualValues(t, 10, verdict.Complete)
}

// everything is all that the ledgers hold.
func everything(b *testbed.Bed) map[string][]ledger.Entry {
	all := make(map[string][]ledger.Entry)
	for _, name := range topology.LedgerNames {
		all[name] = b.Entries(name)
	}
	return all
}

func lastSequence(t *testing.T, b *testbed.Bed, stream string) uint64 {
	t.Helper()
	s, err := b.JS.Stream(b.Context(), stream)
	require.NoError(t, err)
	return s.CachedInfo().State.LastSeq
}
