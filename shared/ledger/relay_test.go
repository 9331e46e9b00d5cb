package ledger_test

import (
	"cmp"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/topology"
)

const bucket = "relayed"

// relay stands between a ledger and its broker: it passes on each request and
// each answer, but for those that the test wants to get lost, or to be others.
// So a test has at will what happens once in a thousand times.
type relay struct {
	// request returns an answer of the relay's own, or nil to pass it on.
	request func(m *nats.Msg) *nats.Msg
	log     *slog.Logger // nil: none
	// answer says whether the n-th answer to a request is passed on.
	answer func(subject string, n int) bool
}

// through returns a ledger behind the relay, and one that is not.
func through(t *testing.T, r relay) (relayed, direct ledger.Ledger) {
	t.Helper()
	broker := brokertest.Start(t)
	createBucket(t, broker.Connect(), bucket, topology.Settings{})
	behind := broker.Connect()
	front := brokertest.Start(t, func(o *server.Options) { o.JetStream = false })
	conn := front.Connect()
	var mu sync.Mutex // one request at a time is enough
	pass := func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		if r.request != nil {
			if answer := r.request(m); answer != nil {
				answer.Subject = m.Reply
				_ = conn.PublishMsg(answer)
				return
			}
		}
		n := 0
		inbox := behind.NewInbox()
		_, err := behind.Subscribe(inbox, func(answer *nats.Msg) {
			if n++; r.answer == nil || r.answer(m.Subject, n) {
				_ = conn.PublishMsg(&nats.Msg{Subject: m.Reply, Header: answer.Header, Data: answer.Data})
			}
		})
		if err == nil {
			_ = behind.PublishMsg(&nats.Msg{Subject: m.Subject, Reply: inbox, Header: m.Header, Data: m.Data})
		}
	}
	for _, subject := range []string{"$JS.API.>", "$KV.>"} {
		_, err := conn.Subscribe(subject, pass)
		require.NoError(t, err)
	}
	require.NoError(t, conn.Flush())
	return open(t, front.Connect(), cmp.Or(r.log, slog.New(slog.DiscardHandler)), bucket), open(t, broker.Connect(), slog.New(slog.DiscardHandler), bucket)
}

// some returns n entries by that writer.
func some(n int, writer string) (entries []ledger.Entry, ids []string) {
	for i := range n {
		ids = append(ids, name(i))
		entries = append(entries, ledger.Entry{ID: name(i), Value: []byte(writer)})
	}
	return entries, ids
}

func requireAll(t *testing.T, l ledger.Ledger, ids []string, writer string) {
	t.Helper()
	var got []string
	for e, err := range l.All(t.Context()) {
		require.NoError(t, err)
		require.Equal(t, writer, string(e.Value))
		got = append(got, e.ID)
	}
	require.Equal(t, ids, got)
	found, err := l.Get(t.Context(), ids...)
	require.NoError(t, err)
	require.Len(t, found, len(ids))
	for i, e := range found {
		require.Equal(t, ids[i], e.ID)
		require.Equal(t, writer, string(e.Value))
	}
}

func isRead(subject string) bool { return strings.HasPrefix(subject, "$JS.API.DIRECT.GET.") }

// Of an answer of many messages, one or the end can get lost where a connection
// breaks and comes back.
func TestWhatIsLostOfAnAnswerIsReadAgain(t *testing.T) {
	t.Parallel()
	for what, lost := range map[string]int{"the first": 1, "one in the middle": 4, "the last": 10, "the end": 11} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			var once sync.Once
			l, direct := through(t, relay{answer: func(subject string, n int) bool {
				dropped := false
				if isRead(subject) && n == lost {
					once.Do(func() { dropped = true })
				}
				return !dropped
			}})
			entries, ids := some(10, "one")
			_, err := direct.PutIfAbsent(t.Context(), entries...)
			require.NoError(t, err)
			requireAll(t, l, ids, "one")
		})
	}
}

// A replica may be behind the leader. This one has nothing yet.
func TestAReplicaThatLagsHidesNothing(t *testing.T) {
	t.Parallel()
	l, direct := through(t, relay{request: func(m *nats.Msg) *nats.Msg {
		if isRead(m.Subject) {
			return &nats.Msg{Header: nats.Header{"Status": {"404"}, "Description": {"No Results"}}}
		}
		return nil
	}})
	entries, ids := some(10, "one")
	_, err := direct.PutIfAbsent(t.Context(), entries...)
	require.NoError(t, err)
	requireAll(t, l, ids, "one")

	others, _ := some(12, "other")
	kept, err := l.PutIfAbsent(t.Context(), others...)
	require.NoError(t, err)
	for i, e := range kept {
		require.Equal(t, map[bool]string{true: "one", false: "other"}[i < 10], string(e.Value), e.ID)
	}
}

// "Exists" is also what the broker says while another's write is under way. That
// may fail; then nothing is there, and the entry is still to be kept.
func TestExistsAndThenNothingIsThere(t *testing.T) {
	t.Parallel()
	refusals := 0
	l, direct := through(t, relay{request: func(m *nats.Msg) *nats.Msg {
		if !strings.HasPrefix(m.Subject, "$KV.") || refusals == 15 { // the five entries, three times
			return nil
		}
		refusals++
		return refusal(server.NewJSStreamWrongLastSequenceConstantError())
	}})
	entries, ids := some(5, "one")
	kept, err := l.PutIfAbsent(t.Context(), entries...)
	require.NoError(t, err)
	for _, e := range kept {
		require.Equal(t, "one", string(e.Value))
	}
	requireAll(t, direct, ids, "one")
	require.Equal(t, 15, refusals)
}

// An entry may be stored and its confirmation be lost. Kept again it "exists",
// and is one's own.
func TestALostConfirmation(t *testing.T) {
	t.Parallel()
	var once sync.Once
	l, direct := through(t, relay{answer: func(subject string, _ int) bool {
		dropped := false
		if strings.HasPrefix(subject, "$KV.") {
			once.Do(func() { dropped = true })
		}
		return !dropped
	}})
	entries, ids := some(3, "one")
	kept, err := l.PutIfAbsent(t.Context(), entries...)
	require.NoError(t, err)
	for _, e := range kept {
		require.Equal(t, "one", string(e.Value))
	}
	requireAll(t, direct, ids, "one")
}

// What a person reads in the log should be worth it: that a broker was not ready
// for a moment is not.
func TestAMomentIsNotWorthALine(t *testing.T) {
	t.Parallel()
	var log brokertest.Log
	refused := make(map[string]bool)
	l, _ := through(t, relay{log: log.Slog(), request: func(m *nats.Msg) *nats.Msg {
		if refused[m.Subject] {
			return nil
		}
		refused[m.Subject] = true
		if isRead(m.Subject) {
			return &nats.Msg{Header: nats.Header{"Status": {"503"}}}
		}
		return refusal(server.NewJSClusterNotAvailError())
	}})
	for name, operation := range operations(l) {
		begun := time.Now()
		require.NoError(t, operation(t.Context()), name)
		if time.Since(begun) > time.Second {
			t.Skip("the machine is so busy that a moment takes longer than a second")
		}
	}
	require.Len(t, refused, 4, "each was refused once: %v", refused)
	require.False(t, log.Has("cannot"), "%q", log.Lines())
}

// refusal is how the broker says that.
func refusal(err *server.ApiError) *nats.Msg {
	return &nats.Msg{Data: fmt.Appendf(nil, `{"error":{"code":%d,"err_code":%d,"description":%q},"stream":"KV_relayed","seq":0}`,
		err.Code, err.ErrCode, err.Description)}
}
