package ledger_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/ledger/ledgertest"
	"decoupled.example/shared/publish"
	"decoupled.example/shared/topology"
)

// patience bounds every wait; a loaded machine is slow.
const patience = 60 * time.Second

func TestJetStreamOnOneNode(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	ledgertest.Run(t, func(t *testing.T) ledgertest.Store {
		t.Helper()
		return newStore(t, topology.Settings{}, broker)
	})
}

func TestJetStreamOnOneNodeThatRestarts(t *testing.T) {
	t.Parallel()
	ledgertest.RunOutages(t, func(t *testing.T) ledgertest.Stoppable {
		t.Helper()
		return newStore(t, topology.Settings{}, brokertest.Start(t))
	})
}

func TestJetStreamOnThreeNodes(t *testing.T) {
	t.Parallel()
	cluster := brokertest.StartCluster(t)
	ledgertest.Run(t, func(t *testing.T) ledgertest.Store {
		t.Helper()
		return newStore(t, topology.Settings{Replicas: 3}, cluster.Nodes...)
	})
}

func TestJetStreamOnThreeNodesThatRestart(t *testing.T) {
	t.Parallel()
	ledgertest.RunOutages(t, func(t *testing.T) ledgertest.Stoppable {
		t.Helper()
		return newStore(t, topology.Settings{Replicas: 3}, brokertest.StartCluster(t).Nodes...)
	})
}

// Where the broker syncs every write, what is kept at once goes as one atomic batch.
func TestJetStreamInBatches(t *testing.T) {
	t.Parallel()
	for name, nodes := range map[string][]*brokertest.Broker{
		"one node": {brokertest.Start(t)}, "three nodes": brokertest.StartCluster(t).Nodes,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ledgertest.Run(t, func(t *testing.T) ledgertest.Store {
				t.Helper()
				return newStore(t, topology.Settings{Replicas: len(nodes), SyncAlways: true}, nodes...)
			})
		})
	}
}

// buckets numbers the buckets, as they may be at the same broker.
var buckets atomic.Int64

// store is a bucket of its own at brokers that it may share.
type store struct {
	nodes  []*brokertest.Broker
	bucket string
	opened int
}

func newStore(t *testing.T, settings topology.Settings, nodes ...*brokertest.Broker) *store {
	t.Helper()
	s := &store{nodes: nodes, bucket: fmt.Sprint("ledger-", buckets.Add(1))}
	createBucket(t, nodes[0].Connect(), s.bucket, settings)
	return s
}

// Open returns a ledger with a connection of its own, each to the next node.
func (s *store) Open(t *testing.T) ledger.Ledger {
	t.Helper()
	node := s.nodes[s.opened%len(s.nodes)]
	s.opened++
	return open(t, node.Connect(), slog.New(slog.DiscardHandler), s.bucket)
}

func (s *store) Stop() {
	for _, node := range s.nodes {
		node.Stop()
	}
}

func (s *store) Start() {
	for _, node := range s.nodes {
		node.Restart()
	}
}

func open(t *testing.T, conn *nats.Conn, log *slog.Logger, bucket string) *ledger.JetStream {
	t.Helper()
	publisher, err := publish.New(conn, log)
	require.NoError(t, err)
	return ledger.NewJetStream(conn, publisher, log, bucket)
}

// createBucket makes a bucket with the very configuration that setup gives to
// ledgers; only that entries are small is the topology's business, and not the
// ledger's.
func createBucket(t *testing.T, conn *nats.Conn, bucket string, settings topology.Settings) jetstream.Stream {
	t.Helper()
	streams, err := topology.Streams(settings)
	require.NoError(t, err)
	for _, config := range streams {
		if config.Name != "KV_"+topology.Asked {
			continue
		}
		config.MaxMsgSize = -1
		config.Name = "KV_" + bucket
		config.Subjects = []string{"$KV." + bucket + ".>"}
		js, err := jetstream.New(conn)
		require.NoError(t, err)
		var stream jetstream.Stream
		// A cluster that has just started leaves some questions unanswered.
		require.Eventually(t, func() bool {
			stream, err = js.CreateOrUpdateStream(t.Context(), config)
			return err == nil
		}, 2*time.Minute, 10*time.Millisecond, "cannot create the bucket")
		return stream
	}
	require.FailNow(t, "the topology has no ledger")
	return nil
}

// The broker's permissions that the documentation of JetStream names are enough.
func TestTheNamedPermissionsAreEnough(t *testing.T) {
	t.Parallel()
	const bucket = "small"
	broker := brokertest.Start(t, users(strings.Fields(`
		$KV.small.>
		$JS.API.STREAM.INFO.KV_small
		$JS.API.STREAM.MSG.GET.KV_small
		$JS.API.DIRECT.GET.KV_small`)))
	createBucket(t, broker.Connect(), bucket, topology.Settings{})
	denied := make(chan error, 100)
	l := open(t, broker.Connect(nats.UserInfo("service", ""), nats.CustomInboxPrefix("_INBOX_service"),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { denied <- err })), slog.New(slog.DiscardHandler), bucket)

	first := ledger.Entry{ID: "a", Value: []byte("first")}
	for range 2 {
		kept, err := l.PutIfAbsent(t.Context(), first)
		require.NoError(t, err)
		require.Equal(t, "first", string(kept[0].Value))
	}
	found, err := l.Get(t.Context(), "a", "missing")
	require.NoError(t, err)
	require.Len(t, found, 1)
	n, err := l.Count(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	for e, err := range l.All(t.Context()) {
		require.NoError(t, err)
		require.Equal(t, "a", e.ID)
	}
	require.Empty(t, denied)
}
