package ledger_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/publish"
	"decoupled.example/shared/topology"
)

// users makes the broker know "service", who may only publish to some subjects,
// and lets everyone else do everything.
func users(allowed []string) brokertest.Option {
	return func(o *server.Options) {
		o.Users = []*server.User{{Username: "setup"}, {Username: "service", Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: allowed},
			Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX_service.>"}},
		}}}
		o.NoAuthUser = "setup"
	}
}

// operations is each use of a ledger, on one that is empty.
func operations(l ledger.Ledger) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"PutIfAbsent": func(ctx context.Context) error { _, err := l.PutIfAbsent(ctx, ledger.Entry{ID: "kept"}); return err },
		"Get":         func(ctx context.Context) error { _, err := l.Get(ctx, "missing"); return err },
		"Count":       func(ctx context.Context) error { _, err := l.Count(ctx); return err },
		"All": func(ctx context.Context) error {
			for _, err := range l.All(ctx) {
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func TestAMissingBucketIsNamedAndWaitedFor(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	var (
		group errgroup.Group
		logs  = make(map[string]*brokertest.Log)
	)
	for name := range operations(nil) {
		logs[name] = &brokertest.Log{}
		operation := operations(open(t, broker.Connect(), logs[name].Slog(), "later"))[name]
		group.Go(func() error { return operation(t.Context()) })
	}
	for name, log := range logs {
		log.Await(t, `"level":"warn"`, "run setup", "later", "trying again")
		require.False(t, log.Has("incomplete"), "%s: %q", name, log.Lines())
	}
	createBucket(t, broker.Connect(), "later", topology.Settings{})

	require.NoError(t, group.Wait())
}

// A lasting refusal is retried with pauses: a bucket that is missing, for one.
func TestLedger_PausesBetweenRetries(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	for name := range operations(nil) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := broker.Connect()
			operation := operations(open(t, conn, slog.New(slog.DiscardHandler), "missing"))[name]
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			before := conn.Stats().OutMsgs
			require.ErrorIs(t, operation(ctx), context.DeadlineExceeded)
			// At least 100 ms lie between two reads, of one request or two each.
			require.LessOrEqual(t, conn.Stats().OutMsgs-before, uint64(25))
			require.Greater(t, conn.Stats().OutMsgs, before)
		})
	}
}

func TestPutIfAbsent_NamesAMissingPermission(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t, users([]string{"nothing"}))
	createBucket(t, broker.Connect(), "closed", topology.Settings{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	conn := broker.Connect(nats.UserInfo("service", ""), nats.CustomInboxPrefix("_INBOX_service"),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	var log brokertest.Log
	keep := operations(open(t, conn, log.Slog(), "closed"))["PutIfAbsent"]
	result := make(chan error, 1)
	go func() { result <- keep(ctx) }()
	log.Await(t, "permission", "closed", "trying again")
	cancel()
	require.ErrorIs(t, <-result, context.Canceled)
}

func TestWithoutAConnectionNothingPilesUp(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	createBucket(t, broker.Connect(), "steady", topology.Settings{})
	conn := broker.Connect()
	l := open(t, conn, slog.New(slog.DiscardHandler), "steady")
	for name, operation := range operations(l) {
		require.NoError(t, operation(t.Context()), name)
	}
	broker.Stop()
	require.Eventually(t, func() bool { return !conn.IsConnected() }, patience, time.Millisecond)
	sent := conn.Stats().OutMsgs
	for name, operation := range operations(l) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		require.ErrorIs(t, operation(ctx), context.DeadlineExceeded, name)
		cancel()
	}
	require.Equal(t, sent, conn.Stats().OutMsgs, "nothing is in the client's buffer, to be sent later")
}

func TestClosingTheConnectionEndsEveryCall(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	createBucket(t, broker.Connect(), "steady", topology.Settings{})
	for name := range operations(nil) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := broker.Connect()
			operation := operations(open(t, conn, slog.New(slog.DiscardHandler), "missing"))[name]
			begun, done := make(chan struct{}), make(chan error, 1)
			go func() {
				close(begun)
				done <- operation(t.Context())
			}()
			<-begun
			conn.Close()
			select {
			case err := <-done:
				require.ErrorIs(t, err, nats.ErrConnectionClosed)
			case <-time.After(patience):
				require.FailNow(t, "it does not return")
			}
			require.ErrorIs(t, operation(t.Context()), nats.ErrConnectionClosed)
		})
	}
}

func TestAnEntryThatIsTooLargeIsNamed(t *testing.T) {
	t.Parallel()
	s := newStore(t, topology.Settings{}, brokertest.Start(t))
	l := s.Open(t)
	_, err := l.PutIfAbsent(t.Context(), ledger.Entry{ID: "small"}, ledger.Entry{ID: "huge", Value: make([]byte, 2<<20)})
	require.ErrorIs(t, err, publish.ErrTooLarge)
	require.ErrorContains(t, err, "cannot store huge in "+s.bucket)
}

// Entries that fill the broker's limit for a connection several times over are
// read in portions: else the broker would drop the connection as too slow.
func TestLargeEntriesAreReadInPortions(t *testing.T) {
	t.Parallel()
	const limit = 4 << 20
	broker := brokertest.Start(t, func(o *server.Options) { o.MaxPending = limit })
	s := newStore(t, topology.Settings{}, broker)
	l := s.Open(t)
	var ids []string
	for i := range 40 {
		ids = append(ids, name(i))
		_, err := l.PutIfAbsent(t.Context(), ledger.Entry{ID: name(i), Value: make([]byte, 900<<10)})
		require.NoError(t, err)
	}
	found, err := l.Get(t.Context(), ids...)
	require.NoError(t, err)
	require.Len(t, found, len(ids))
	n := 0
	for e, err := range l.All(t.Context()) {
		require.NoError(t, err)
		require.Equal(t, ids[n], e.ID)
		n++
	}
	require.Equal(t, len(ids), n)
	require.Zero(t, broker.Server().NumSlowConsumers())
}
