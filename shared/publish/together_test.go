package publish

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
)

// A broker whose leader changes may answer twice for one message, and not at
// all for another.
func TestAnswersToAllMustBeAboutDifferentMessages(t *testing.T) {
	t.Parallel()
	const refused = `{"error":{"code":400,"err_code":10071},"stream":"WORK","seq":0}`
	stored := func(n int) string { return fmt.Sprintf(`{"stream":"WORK", "seq":%d}`, n) }
	apiError := &jetstream.APIError{Code: 400, ErrorCode: 10071}
	for _, test := range []struct {
		answers  []string
		ended    bool
		verdict0 error
	}{
		{[]string{stored(1), stored(2), stored(3)}, true, nil},
		{[]string{stored(7), `{"stream":"WORK","domain":"hub","seq":9}`, stored(10)}, true, nil},
		{[]string{stored(7), `{"stream":"WORK","seq":9,"duplicate": true}`, stored(10)}, true, ErrDuplicate},
		{[]string{stored(7), `{"stream":"OTHER","seq":9}`, stored(10)}, true, &otherStreamError{"OTHER", "WORK"}},
		{[]string{stored(1), stored(2)}, false, errUnanswered},
		{[]string{stored(1), stored(1), stored(2)}, true, errUnanswered},
		{[]string{stored(1), stored(2), stored(1), stored(3)}, true, errUnanswered},
		{[]string{refused, stored(1), stored(2), stored(3)}, true, apiError},
		{[]string{stored(1), stored(2), refused, stored(3)}, true, apiError},
		{[]string{stored(1), stored(2), stored(0)}, true, errUnanswered},
		{[]string{stored(1), stored(2), `{"stream":"WORK"}`}, true, errUnanswered},
	} {
		c := new(inbox).begin("WORK", 3, 1)
		for _, answer := range test.answers {
			c.confirm(&nats.Msg{Data: []byte(answer)})
		}
		require.Equal(t, test.ended, c.left == 0, "%v", test.answers)
		require.Equal(t, test.verdict0, c.verdicts[0], "%v", test.answers)
	}
}

// What was stored together is not sent again; if one was not, all are.
func TestMessagesGoTogetherAndThenOneByOne(t *testing.T) {
	t.Parallel()
	conn := brokertest.Start(t).Connect()
	p, err := New(conn, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "WORK", Subjects: []string{"work.>"}})
	require.NoError(t, err)
	p.disabled.Store("WORK", time.Now())
	wire, err := conn.SubscribeSync("work.>")
	require.NoError(t, err)

	const n = 100
	for round, want := range []struct{ sent, places, refused int }{
		{sent: n, places: 1},
		{sent: 2 * n, places: 1 + n, refused: n}, // half of them had been there, half of them has come first
	} {
		batch := make([]*nats.Msg, n)
		for i := range batch {
			batch[i] = &nats.Msg{
				Subject: fmt.Sprint("work.", round*n/2+i),
				Header:  nats.Header{jetstream.ExpectedLastSubjSeqHeader: {"0"}},
			}
		}
		refused, err := p.Publish(t.Context(), "WORK", batch)
		require.NoError(t, err)
		require.Len(t, refused, want.refused)
		require.NoError(t, conn.Flush())
		places, sent := make(map[string]bool), 0
		for m, err := wire.NextMsg(0); err == nil; m, err = wire.NextMsg(0) {
			places[m.Reply] = true
			sent++
		}
		require.Equal(t, want.sent, sent)
		require.Len(t, places, want.places)
	}
}
