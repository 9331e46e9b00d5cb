package publish

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
)

func TestOnlyAConfirmationIsReadAsOne(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]error{
		`{"stream":"WORK", "seq":7}`:                                         nil,
		`{"stream":"WORK", "domain":"hub", "seq":7}`:                         nil,
		`{"stream":"WORK", "seq":7,"duplicate": true}`:                       ErrDuplicate,
		`{"stream":"WORK", "seq":7,"duplicate": false}`:                      nil,
		`{"seq":7,"stream":"WORK","duplicate":true}`:                         ErrDuplicate,
		`{ "seq":7, "stream":"WORK" }`:                                       nil,
		`{"error":{"code":400,"err_code":10071},"stream":"WORK","seq":0}`:    &jetstream.APIError{},
		`{"stream":"WORK","seq":0,"error":{"code":503,"err_code":10077}}`:    &jetstream.APIError{},
		`{"type":"io.nats.jetstream.api.v1.stream_info_response","total":0}`: jetstream.ErrInvalidJSAck,
		`not JSON`: jetstream.ErrInvalidJSAck,
		``:         jetstream.ErrInvalidJSAck,
	} {
		got := read(&nats.Msg{Data: []byte(answer)}, "WORK")
		if _, refused := want.(*jetstream.APIError); refused { //nolint:errorlint // not wrapped
			require.ErrorAs(t, got, new(*jetstream.APIError), answer)
			continue
		}
		require.ErrorIs(t, got, want, answer)
	}
	require.ErrorIs(t, read(&nats.Msg{Header: nats.Header{"Status": {"503"}}}, "WORK"), nats.ErrNoResponders)
}

func TestRead_RefusesConfirmationsOfAnotherStream(t *testing.T) {
	t.Parallel()
	for _, stream := range []string{"WORK2", "WOR", "work", "OTHER"} {
		for _, form := range []string{`{"stream":%q,"seq":7}`, `{ "seq":7, "stream":%q }`, `{"stream":%q,"seq":7,"duplicate":true}`} {
			var other *otherStreamError
			err := read(&nats.Msg{Data: fmt.Appendf(nil, form, stream)}, "WORK")
			require.ErrorAs(t, err, &other, form, stream)
			require.ErrorContains(t, explain(err), "stream "+stream+" took the message instead of WORK")
		}
	}
}

// What a call waited with must not stay behind: services publish for months.
func TestPublish_ReusesWhatItWaitsWith(t *testing.T) {
	t.Parallel()
	conn := brokertest.Start(t).Connect()
	p, err := New(conn, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "WORK", Subjects: []string{"work"}, AllowAtomicPublish: true})
	require.NoError(t, err)
	publish := func(n int) {
		batch := make([]*nats.Msg, n)
		for i := range batch {
			batch[i] = &nats.Msg{Subject: "work"}
		}
		refused, err := p.Publish(t.Context(), "WORK", batch)
		require.NoError(t, err)
		require.Empty(t, refused)
	}
	publish(1)
	before, listeners := conn.NumSubscriptions(), statusListeners(conn)
	require.NotZero(t, listeners)
	for range 10 {
		for _, n := range []int{1, 2, worthABatch, 2 * atOnce} {
			publish(n)
		}
		require.NoError(t, p.AwaitConnection(t.Context()))
	}
	require.Equal(t, before, conn.NumSubscriptions())
	require.Equal(t, listeners, statusListeners(conn))
	require.Len(t, p.inboxes, 1)
}

// statusListeners is how many channels are registered for changes of the
// connection's status, for which the library has no method.
func statusListeners(conn *nats.Conn) (n int) {
	for _, listeners := range reflect.ValueOf(conn).Elem().FieldByName("statListeners").Seq2() {
		n += listeners.Len()
	}
	return n
}

// An answer that came before the connection broke, or before the context ended,
// counts: its message is not sent again.
func TestAwait_ReceivesWhatIsHereAlready(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 { // select picks one of what is ready at random
		i := &inbox{in: make(chan *nats.Msg, 2), changed: make(chan nats.Status, 1)}
		c := i.begin("WORK", 2, 2)
		i.changed <- nats.RECONNECTING
		for k := range 2 {
			i.in <- &nats.Msg{Subject: c.reply(k), Data: []byte(`{"stream":"WORK","seq":1}`)}
		}
		require.NoError(t, c.await(ended, time.Minute))
	}
}

// Batches are offered again a while after the stream has refused one.
func TestPublish_OffersBatchesAgainAfterARefusal(t *testing.T) {
	t.Parallel()
	conn := brokertest.Start(t).Connect()
	p, err := New(conn, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "WORK", Subjects: []string{"work"}, AllowAtomicPublish: true})
	require.NoError(t, err)
	const n = 2 * worthABatch
	for refused, answers := range map[time.Duration]uint64{askAgain: 1, 0: n} {
		p.disabled.Store("WORK", time.Now().Add(-refused))
		before := conn.Stats().InMsgs
		batch := make([]*nats.Msg, n)
		for i := range batch {
			batch[i] = &nats.Msg{Subject: "work"}
		}
		_, err := p.Publish(t.Context(), "WORK", batch)
		require.NoError(t, err)
		require.Equal(t, answers, conn.Stats().InMsgs-before, "refused %s ago", refused)
	}
}
