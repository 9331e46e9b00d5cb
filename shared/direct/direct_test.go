package direct_test

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/direct"
)

const stream = "WORK"

// filled returns a connection to a broker whose stream has ten messages of 1 KB,
// on work.0 to work.9.
func filled(t *testing.T) *nats.Conn {
	t.Helper()
	conn := brokertest.Start(t).Connect()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: stream, Subjects: []string{"work.*"}, AllowDirect: true})
	require.NoError(t, err)
	for i := range 10 {
		_, err := js.Publish(t.Context(), fmt.Sprint("work.", i), make([]byte, 1<<10))
		require.NoError(t, err)
	}
	return conn
}

func sequences(messages []direct.Message) (all []uint64) {
	for _, m := range messages {
		all = append(all, m.Sequence)
	}
	return all
}

func TestWhatIsAskedForComes(t *testing.T) {
	t.Parallel()
	conn := filled(t)
	for _, c := range []struct {
		name  string
		query direct.Query
		want  []uint64
		more  bool
	}{
		{"a range", direct.Query{Sequence: 3, Batch: 4}, []uint64{3, 4, 5, 6}, true},
		{"to the end", direct.Query{Sequence: 8, Batch: 100}, []uint64{8, 9, 10}, false},
		{"behind the end", direct.Query{Sequence: 11, Batch: 100}, nil, false},
		{"subjects", direct.Query{Last: []string{"work.8", "work.2", "work.none"}}, []uint64{3, 9}, false},
		{"no more than fits", direct.Query{Last: []string{"work.1", "work.2", "work.3"}, MaxBytes: 2 << 10}, []uint64{2, 3}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			messages, more, err := direct.Get(t.Context(), conn, stream, c.query)
			require.NoError(t, err)
			require.Equal(t, c.want, sequences(messages))
			require.Equal(t, c.more, more)
			for _, m := range messages {
				require.Equal(t, fmt.Sprint("work.", m.Sequence-1), m.Subject)
				require.Len(t, m.Data, 1<<10)
				require.False(t, m.Time.IsZero())
			}
		})
	}
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	conn := filled(t)
	_, _, err := direct.Get(t.Context(), conn, "OTHER", direct.Query{Sequence: 1, Batch: 1})
	require.ErrorIs(t, err, nats.ErrNoResponders)

	conn.Close()
	_, _, err = direct.Get(t.Context(), conn, stream, direct.Query{Sequence: 1, Batch: 1})
	require.ErrorIs(t, err, nats.ErrConnectionClosed)
}

// Who waits for an answer that never comes goes on when the connection is closed.
func TestClosingTheConnectionEndsIt(t *testing.T) {
	t.Parallel()
	conn := filled(t)
	asked, err := conn.SubscribeSync("$JS.API.DIRECT.GET.SILENT") // and nobody answers
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() {
		_, _, err := direct.Get(t.Context(), conn, "SILENT", direct.Query{Sequence: 1, Batch: 1})
		done <- err
	}()
	_, err = asked.NextMsgWithContext(t.Context())
	require.NoError(t, err)
	conn.Close()
	require.ErrorIs(t, <-done, nats.ErrConnectionClosed)
}
