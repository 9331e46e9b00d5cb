package ledger_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/direct"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/publish"
	"decoupled.example/shared/topology"
)

// reads is each read of a ledger.
func reads(l ledger.Ledger) map[string]func(context.Context) error {
	all := operations(l)
	delete(all, "PutIfAbsent")
	return all
}

// requireEnds requires each read to end with an error that is about the store and
// not about a message, before the test's patience does.
func requireEnds(t *testing.T, l ledger.Ledger, name string, want error, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := reads(l)[name](ctx)
	require.NoError(t, ctx.Err(), "%s repeats for ever", name)
	require.ErrorIs(t, err, want, name)
	require.ErrorIs(t, err, publish.ErrUnavailable, name)
	require.ErrorContains(t, err, text, name)
}

func TestAReadEndsWithItsContextAsUnavailable(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	l := open(t, broker.Connect(), slog.New(slog.DiscardHandler), "missing")
	for name, read := range reads(l) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		err := read(ctx)
		cancel()
		require.ErrorIs(t, err, publish.ErrUnavailable, name)
		require.ErrorIs(t, err, context.DeadlineExceeded, name)
		require.ErrorContains(t, err, "cannot read ledger missing: the broker is unavailable: context deadline exceeded (the ledger does not exist", name)

		// An attempt that timed out is not how the caller's context ended.
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel)
		err = read(ctx)
		require.ErrorIs(t, err, publish.ErrUnavailable, name)
		require.ErrorIs(t, err, context.Canceled, name)
		require.NotErrorIs(t, err, context.DeadlineExceeded, name)
	}
}

func TestAMissingPermissionToReadEndsARead(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t, users([]string{"nothing"}))
	createBucket(t, broker.Connect(), "closed", topology.Settings{})
	for name, subject := range map[string]string{
		"Get": "$JS.API.DIRECT.GET.KV_closed", "Count": "$JS.API.STREAM.INFO.KV_closed", "All": "$JS.API.STREAM.INFO.KV_closed",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := broker.Connect(nats.UserInfo("service", ""), nats.CustomInboxPrefix("_INBOX_service"),
				nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
			l := open(t, conn, slog.New(slog.DiscardHandler), "closed")
			for range 2 { // the connection's last error is there before the second
				requireEnds(t, l, name, nats.ErrPermissionViolation, subject)
			}
		})
	}
}

func TestAMaxPayloadThatIsTooSmallEndsARead(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t, func(o *server.Options) { o.MaxPayload = 48 })
	l := open(t, broker.Connect(), slog.New(slog.DiscardHandler), "tight")
	requireEnds(t, l, "Get", direct.ErrRefused, `max_payload of 48 bytes is too small to ask for "$KV.tight.missing"`)
}

func TestARequestThatTheBrokerCallsBadEndsARead(t *testing.T) {
	t.Parallel()
	bad := fmt.Appendf(nil, `{"error":{"code":400,"err_code":10003,"description":"bad request"}}`)
	l, _ := through(t, relay{request: func(m *nats.Msg) *nats.Msg {
		if isRead(m.Subject) {
			return &nats.Msg{Header: nats.Header{"Status": {"408"}, "Description": {"Malformed Request"}}}
		}
		return &nats.Msg{Data: bad}
	}})
	requireEnds(t, l, "Get", direct.ErrRefused, "408 Malformed Request")
	requireEnds(t, l, "Count", jetstream.ErrBadRequest, "bad request")
	requireEnds(t, l, "All", jetstream.ErrBadRequest, "bad request")
}

// More IDs than one request can name are looked up with several.
func TestALedgerAdaptsToMaxPayload(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t, func(o *server.Options) { o.MaxPayload = 2 << 10 })
	s := newStore(t, topology.Settings{}, broker)
	l := s.Open(t)
	first, ids := some(700, "one")
	_, err := l.PutIfAbsent(t.Context(), first...)
	require.NoError(t, err)
	requireAll(t, l, ids, "one")
	others, _ := some(700, "other")
	kept, err := l.PutIfAbsent(t.Context(), others...)
	require.NoError(t, err)
	for _, e := range kept {
		require.Equal(t, "one", string(e.Value), e.ID)
	}
}

// A bucket may allow no reads from replicas. Its leader has all of it.
func TestABucketWithoutDirectReads(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	conn := broker.Connect()
	stream := createBucket(t, conn, "indirect", topology.Settings{})
	config := stream.CachedInfo().Config
	config.AllowDirect = false
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	_, err = js.UpdateStream(t.Context(), config)
	require.NoError(t, err)
	l := open(t, broker.Connect(), slog.New(slog.DiscardHandler), "indirect")
	entries, ids := some(100, "one")
	_, err = l.PutIfAbsent(t.Context(), entries...)
	require.NoError(t, err)
	requireAll(t, l, ids, "one")
}

// A writer can store an entry with headers that no client library can read.
func TestAnEntryWithUnreadableHeadersIsReadLikeAnyOther(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	s := newStore(t, topology.Settings{}, broker)
	l := s.Open(t)
	keep := func(id string) {
		_, err := l.PutIfAbsent(t.Context(), ledger.Entry{ID: id, Value: []byte("one")})
		require.NoError(t, err)
	}
	keep("before")
	conn, err := net.Dial("tcp", strings.TrimPrefix(broker.URL(), "nats://"))
	require.NoError(t, err)
	defer conn.Close()
	const header, value = "NATS/1.0\r\nno colon\r\n\r\n", "one"
	_, err = fmt.Fprintf(conn, "CONNECT {\"headers\":true}\r\nHPUB $KV.%s.hostile %d %d\r\n%s%s\r\n",
		s.bucket, len(header), len(header)+len(value), header, value)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		n, err := l.Count(t.Context())
		return err == nil && n == 2
	}, patience, time.Millisecond)
	keep("after")

	requireAll(t, l, []string{"before", "hostile", "after"}, "one")
}
