package queue

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/publish"
)

// trialsOf returns a function that makes trials of one message.
func trialsOf(t *testing.T, conn *nats.Conn, replicas int) func(attempt string) *trial {
	t.Helper()
	publisher, err := publish.New(conn, zerolog.Nop())
	require.NoError(t, err)
	client, err := NewClient(conn, publisher, zerolog.Nop(), 0)
	require.NoError(t, err)
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(30*time.Second))
	require.NoError(t, err)
	_, err = js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "suspects", Replicas: replicas})
	require.NoError(t, err)
	return func(attempt string) *trial {
		return &trial{client: client, log: zerolog.Nop(), bucket: "suspects", key: "QUEUE.1.2", attempt: attempt}
	}
}

func TestTrialIsOnRecordFromBeginToEnd(t *testing.T) {
	t.Parallel()
	trial := trialsOf(t, brokertest.Start(t).Connect(), 1)
	for range 3 { // also after one that ended
		begin(t, trial("a"), "")
		begin(t, trial("b"), "a")
		require.NoError(t, trial("b").end(t.Context(), "b"), "not on record")
		begin(t, trial("c"), "a")
		require.NoError(t, trial("a").end(t.Context(), "a"))
		require.NoError(t, trial("a").end(t.Context(), "a"), "again")
	}
}

// The broker stored the record, and its answer was lost: the publisher's next
// attempt is told that something is there.
func TestOwnRecordDoesNotBlame(t *testing.T) {
	t.Parallel()
	trial := trialsOf(t, brokertest.Start(t).Connect(), 1)
	a := trial("a")
	written, err := a.write(t.Context(), 0, "a")
	require.NoError(t, err)
	require.True(t, written)
	written, err = a.write(t.Context(), 0, "a")
	require.NoError(t, err)
	require.False(t, written)
	begin(t, a, "")
	begin(t, trial("b"), "a")
}

func TestEndedTrialIsDeletedForKeyValueTools(t *testing.T) {
	t.Parallel()
	trial := trialsOf(t, brokertest.Start(t).Connect(), 1)
	a := trial("a")
	bucket, err := a.client.js.KeyValue(t.Context(), "suspects")
	require.NoError(t, err)
	begin(t, a, "")
	entry, err := bucket.Get(t.Context(), a.key)
	require.NoError(t, err)
	require.Equal(t, "a", string(entry.Value()))
	require.NoError(t, a.end(t.Context(), "a"))
	_, err = bucket.Get(t.Context(), a.key)
	require.ErrorIs(t, err, jetstream.ErrKeyNotFound)
}

func TestTrialEndsWithItsContextAndConnection(t *testing.T) {
	t.Parallel()
	conn := brokertest.Start(t).Connect()
	trial := trialsOf(t, conn, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	_, err := trial("a").begin(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	conn.Close()
	_, err = trial("a").begin(t.Context())
	require.ErrorIs(t, err, nats.ErrConnectionClosed)
	require.ErrorIs(t, trial("a").end(t.Context(), "a"), nats.ErrConnectionClosed)
}

// Any node can be asked, and a follower lags behind. What it has not heard of
// yet must not count.
func TestTrialOnThreeNodesIsNeverMistaken(t *testing.T) {
	t.Parallel()
	cluster := brokertest.StartCluster(t)
	trialsOf(t, cluster.Connect(), 3)
	leader := cluster.StreamLeader("KV_suspects")
	follower := cluster.Nodes[slices.IndexFunc(cluster.Nodes, func(b *brokertest.Broker) bool { return b != leader })]
	trial := trialsOf(t, follower.Connect(), 3)
	<-time.After(3 * time.Second) // a broker looks every 2 s whether a follower may answer
	for i := range 60 {
		attempt := string(rune('a' + i%26))
		begin(t, trial(attempt), "")
		begin(t, trial("other"), attempt)
		require.NoError(t, trial(attempt).end(t.Context(), attempt))
	}
}

func begin(t *testing.T, trial *trial, unended string) {
	t.Helper()
	found, err := trial.begin(t.Context())
	require.NoError(t, err)
	require.Equal(t, unended, found)
}
