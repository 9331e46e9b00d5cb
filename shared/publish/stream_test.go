package publish_test

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/publish"
)

// Before setup has made the stream, another one may take its subjects.
func TestPublish_WaitsForTheExpectedStream(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]int{"one message": 1, "some": 5, "an atomic batch": 100} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broker := brokertest.Start(t)
			archive := inBatches()
			archive.Name = "ARCHIVE"
			js := create(t, broker, archive)
			attempts, err := broker.Connect().SubscribeSync("work.>")
			require.NoError(t, err)
			var log brokertest.Log
			batch := messages("work.a", n)
			for _, m := range batch {
				m.Header = nil // a message ID would hide further copies
			}
			done := inBackground(t, broker.Connect(), &log, batch)

			log.Await(t, "stream ARCHIVE took the message instead of WORK", "remove the overlap")
			for range 10 * n { // it goes on trying
				_, err := attempts.NextMsg(patience)
				require.NoError(t, err)
			}
			s, err := js.Stream(t.Context(), "ARCHIVE")
			require.NoError(t, err)
			require.LessOrEqual(t, s.CachedInfo().State.LastSeq, uint64(2*n), "copies in the wrong stream")

			archive.Subjects = []string{"archive.>"}
			_, err = js.UpdateStream(t.Context(), archive)
			require.NoError(t, err)
			_, err = js.CreateStream(t.Context(), stream)
			require.NoError(t, err)
			requireDone(t, done)
			queue, err := js.Stream(t.Context(), stream.Name)
			require.NoError(t, err)
			stored := make(map[string]bool)
			for sequence := range queue.CachedInfo().State.LastSeq {
				m, err := queue.GetMsg(t.Context(), sequence+1)
				require.NoError(t, err)
				stored[string(m.Data)] = true
			}
			require.Len(t, stored, n)
		})
	}
}

// The header that guards against another stream costs time with each message.
func TestPublish_SendsNoGuardWithoutAnOverlap(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	js := create(t, broker, jetstream.StreamConfig{Name: "ARCHIVE", Subjects: []string{"work.>"}})
	conn := broker.Connect()
	var log brokertest.Log
	p, err := publish.New(conn, log.Slog())
	require.NoError(t, err)
	done := make(chan error, 1)
	one := []*nats.Msg{{Subject: "work.a"}}
	go func() { done <- complete(p.Publish(t.Context(), stream.Name, one)) }()
	log.Await(t, "stream ARCHIVE took the message")
	require.NoError(t, js.DeleteStream(t.Context(), "ARCHIVE"))
	_, err = js.CreateStream(t.Context(), stream)
	require.NoError(t, err)
	requireDone(t, done)

	require.NoError(t, complete(p.Publish(t.Context(), stream.Name, one)))
	s, err := js.Stream(t.Context(), stream.Name)
	require.NoError(t, err)
	require.EqualValues(t, 2, s.CachedInfo().State.Msgs)
	guarded, err := s.GetMsg(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, stream.Name, guarded.Header.Get(jetstream.ExpectedStreamHeader))
	plain, err := s.GetMsg(t.Context(), 2)
	require.NoError(t, err)
	require.Empty(t, plain.Header)
}
