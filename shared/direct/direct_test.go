package direct_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/direct"
)

const stream = "WORK"

// fill makes a stream with n messages of that size, on work.0 to work.<n-1>.
func fill(t *testing.T, conn *nats.Conn, n, size int) {
	t.Helper()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: stream, Subjects: []string{"work.*"}, AllowDirect: true})
	require.NoError(t, err)
	for i := range n {
		_, err := js.Publish(t.Context(), fmt.Sprint("work.", i), make([]byte, size))
		require.NoError(t, err)
	}
}

// filled returns a connection to a broker whose stream has ten messages of 1 KB.
func filled(t *testing.T) *nats.Conn {
	t.Helper()
	conn := brokertest.Start(t).Connect()
	fill(t, conn, 10, 1<<10)
	return conn
}

// subjects are work.0 to work.<n-1>.
func subjects(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint("work.", i))
	}
	return all
}

// requireMessages requires these sequences, in any order, of messages of that size.
func requireMessages(t *testing.T, want []uint64, size int, messages []direct.Message) {
	t.Helper()
	var got []uint64
	for _, m := range messages {
		got = append(got, m.Sequence)
		require.Equal(t, fmt.Sprint("work.", m.Sequence-1), m.Subject)
		require.Len(t, m.Data, size)
		require.False(t, m.Time.IsZero())
	}
	slices.Sort(got)
	require.Equal(t, want, got)
}

func TestFrom(t *testing.T) {
	t.Parallel()
	conn := filled(t)
	for _, c := range []struct {
		name     string
		sequence uint64
		n        int
		want     []uint64
		more     bool
	}{
		{"a range", 3, 4, []uint64{3, 4, 5, 6}, true},
		{"to the end", 8, 100, []uint64{8, 9, 10}, false},
		{"behind the end", 11, 100, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			messages, more, err := direct.From(t.Context(), conn, stream, c.sequence, c.n)
			require.NoError(t, err)
			require.Equal(t, c.more, more)
			requireMessages(t, c.want, 1<<10, messages)
		})
	}
}

func TestFrom_StopsAfterAMegabyte(t *testing.T) {
	t.Parallel()
	conn := brokertest.Start(t).Connect()
	fill(t, conn, 5, 400<<10)
	messages, more, err := direct.From(t.Context(), conn, stream, 1, 5)
	require.NoError(t, err)
	require.True(t, more)
	requireMessages(t, []uint64{1, 2, 3}, 400<<10, messages)
}

func TestLast(t *testing.T) {
	t.Parallel()
	conn := filled(t)
	for _, c := range []struct {
		name     string
		subjects []string
		want     []uint64
	}{
		{"some, and one that does not exist", []string{"work.8", "work.none", "work.2"}, []uint64{3, 9}},
		{"none exists", []string{"work.none"}, nil},
		{"no subjects", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			messages, err := direct.Last(t.Context(), conn, stream, c.subjects)
			require.NoError(t, err)
			requireMessages(t, c.want, 1<<10, messages)
		})
	}
}

func TestLast_AsksAgainForWhatDidNotFit(t *testing.T) {
	t.Parallel()
	conn := brokertest.Start(t).Connect()
	fill(t, conn, 5, 400<<10)
	messages, err := direct.Last(t.Context(), conn, stream, append(subjects(5), "work.none"))
	require.NoError(t, err)
	requireMessages(t, []uint64{1, 2, 3, 4, 5}, 400<<10, messages)
}

// A broker's max_payload may be lowered by a restart: what is asked for at once
// follows it.
func TestLast_AdaptsToMaxPayload(t *testing.T) {
	t.Parallel()
	const n = 1500
	store, port := t.TempDir(), 0
	start := func(maxPayload int32) *brokertest.Broker {
		return brokertest.Start(t, func(o *server.Options) {
			port = cmp.Or(port, o.Port)
			o.StoreDir, o.Port, o.MaxPayload = store, port, maxPayload
		})
	}
	broker := start(1 << 20)
	conn := broker.Connect()
	fill(t, conn, n, 8)
	var want []uint64
	for i := range uint64(n) {
		want = append(want, i+1)
	}
	for _, c := range []struct {
		maxPayload int32
		least      uint64 // requests; a subject takes 12 bytes at most
	}{{1 << 20, 3}, {4 << 10, 4}, {512, n / 50}, {64, n / 3}} {
		if c.maxPayload < 1<<20 {
			broker.Stop()
			broker = start(c.maxPayload)
			require.Eventually(t, func() bool { return conn.IsConnected() && conn.MaxPayload() == int64(c.maxPayload) }, time.Minute, time.Millisecond)
		}
		before := conn.Stats()
		messages, err := direct.Last(t.Context(), conn, stream, subjects(n))
		require.NoError(t, err)
		requireMessages(t, want, 8, messages)
		require.GreaterOrEqual(t, conn.Stats().OutMsgs-before.OutMsgs, c.least, "with a max_payload of %d", c.maxPayload)
	}
	broker.Stop()
	start(32)
	require.Eventually(t, func() bool { return conn.IsConnected() && conn.MaxPayload() == 32 }, time.Minute, time.Millisecond)

	_, err := direct.Last(t.Context(), conn, stream, subjects(n))
	require.ErrorIs(t, err, direct.ErrRefused)
	require.ErrorContains(t, err, `max_payload of 32 bytes is too small to ask for "work.0"`)
	_, _, err = direct.From(t.Context(), conn, stream, 1, 1000)
	require.ErrorIs(t, err, direct.ErrRefused)
	require.ErrorContains(t, err, "max_payload of 32 bytes is too small to ask for messages of WORK")
}

func TestAMalformedRequestIsRefused(t *testing.T) {
	t.Parallel()
	conn := filled(t)
	_, _, err := direct.From(t.Context(), conn, stream, 0, 10) // sequence 0 asks for nothing
	require.ErrorIs(t, err, direct.ErrRefused)
	require.ErrorContains(t, err, "408 Empty Request")
}

func TestAMissingStreamHasNoResponder(t *testing.T) {
	t.Parallel()
	conn := filled(t)
	_, _, err := direct.From(t.Context(), conn, "OTHER", 1, 1)
	require.ErrorIs(t, err, nats.ErrNoResponders)
	_, err = direct.Last(t.Context(), conn, "OTHER", subjects(1))
	require.ErrorIs(t, err, nats.ErrNoResponders)

	conn.Close()
	_, _, err = direct.From(t.Context(), conn, stream, 1, 1)
	require.ErrorIs(t, err, nats.ErrConnectionClosed)
}

// A read whose answer never comes ends when the connection is closed.
func TestClosingTheConnectionEndsARead(t *testing.T) {
	t.Parallel()
	conn := filled(t)
	asked, err := conn.SubscribeSync(direct.Subject("SILENT")) // which answers nothing
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() {
		_, _, err := direct.From(t.Context(), conn, "SILENT", 1, 1)
		done <- err
	}()
	_, err = asked.NextMsgWithContext(t.Context())
	require.NoError(t, err)
	conn.Close()
	require.ErrorIs(t, <-done, nats.ErrConnectionClosed)
}
