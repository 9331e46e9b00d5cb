package queue_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

// valid are the headers of a request.
const valid = "Content-Type: application/json\r\nDecoupled-Schema: decoupled.request.v1\r\n"

func TestUndecodableBecomesALetterAtOnce(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	id := contract.NewID()
	poison := []struct{ header, body, filed, reason string }{
		{"", `{}`, "unknown", "no schema"},
		{valid, "", "unknown", "empty body"},
		{valid, "not JSON", "unknown", "not JSON"},
		{valid, "{\"id\":\"\xff\"}", "unknown", "not UTF-8"},
		{valid, `{"requested_at":"2026-01-01T00:00:00Z"}`, "unknown", "id is missing"},
		{valid, `{"id":">","requested_at":"2026-01-01T00:00:00Z"}`, "unknown", "UUIDv7"},
		{valid, `{"id":"` + id + `"}`, id, "requested_at is missing"},
		{strings.Replace(valid, ".v1", ".v2", 1), `{"id":"` + id + `"}`, id, "unknown major version"},
	}
	for _, p := range poison {
		raw(t, f.url, topology.SubjectRequest, "NATS/1.0\r\n"+p.header+"\r\n", p.body)
	}
	q := f.requests()
	h := newHandled()
	f.consume(q, h.handle)
	f.drained()
	letters := f.letters()
	require.Len(t, letters, len(poison))
	for _, l := range letters {
		sequence, err := strconv.Atoi(l.Header.Get(queue.LetterSequence))
		require.NoError(t, err)
		p := poison[sequence-1]
		require.Equal(t, "dead.REQUESTS."+p.filed, l.Subject, p.reason)
		require.Contains(t, l.Header.Get(queue.LetterReason), p.reason)
		require.Equal(t, "1", l.Header.Get(queue.LetterDeliveries))
		require.Equal(t, p.body, string(l.Data))
	}
	require.Zero(t, h.count())
	require.EqualValues(t, len(poison), q.Counts().DeadLettered)
}

func TestPoisonDoesNotStopTheFlow(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	q := f.requests()
	good := newRequests(5000)
	for i := range 10 {
		require.NoError(t, q.Publish(t.Context(), good[500*i:500*(i+1)]...))
		for range 50 {
			_, err := f.js.PublishAsync(topology.SubjectRequest, []byte("poison"))
			require.NoError(t, err)
		}
		receive(t, f.js.PublishAsyncComplete(), "the poison is not stored")
	}
	require.Equal(t, 5500, f.left())
	h := newHandled()
	f.consume(q, h.handle)
	f.drained()
	h.requireEachOnce(t, good)
	require.EqualValues(t, 500, f.stream(topology.DeadLetters).State.Msgs)
	require.Equal(t, queue.Counts{Published: 5000, Acknowledged: 5000, DeadLettered: 500}, q.Counts())
}

// hostile are header blocks that mean something to a broker or a client, or
// ought to mean nothing to anyone. A bare line feed ends a line for the client
// library only, and so smuggles what the broker would have obeyed.
var hostile = []struct{ name, header string }{
	{"the stream it expects", "NATS/1.0\r\nNats-Expected-Stream: REQUESTS\r\n"},
	{"a roll-up", "NATS/1.0\r\nX: y\nNats-Rollup: all\r\n"},
	{"an expected sequence", "NATS/1.0\r\nX: y\nNats-Expected-Last-Sequence: 4711\r\n"},
	{"an expected ID", "NATS/1.0\r\nX: y\nNats-Expected-Last-Msg-Id: other\r\n"},
	{"a time to live", "NATS/1.0\r\nX: y\nNats-TTL: 1s\r\n"},
	{"a schedule", "NATS/1.0\r\nX: y\nNats-Schedule: @every 1s\n Nats-Schedule-Target: strings.request\r\n"},
	{"an atomic batch", "NATS/1.0\r\nX: y\nNats-Batch-Id: a\nNats-Batch-Sequence: 1\r\n"},
	{"an empty ID", "NATS/1.0\r\nNats-Msg-Id: \r\n"},
	{"the ID of a letter", "NATS/1.0\r\nNats-Msg-Id: REQUESTS:1:2\r\n"},
	{"an ID of control characters", "NATS/1.0\r\nNats-Msg-Id: \x00\x1b[2J\xff\r\n"},
	{"the status of nobody there", "NATS/1.0\r\nStatus: 503\r\n"},
	{"the status of no messages", "NATS/1.0\r\nStatus: 404\r\nDescription: No Messages\r\n"},
	{"an inline status of nobody there", "NATS/1.0 503\r\n"},
	{"an inline status of no messages", "NATS/1.0 404 No Messages\r\n"},
	{"an inline heartbeat", "NATS/1.0 100 Idle Heartbeat\r\n"},
	{"an inline deletion", "NATS/1.0 409 Consumer Deleted\r\n"},
	{"names that cannot be sent", "NATS/1.0\r\na b: 1\r\n(c): 2\r\n\xff: 3\r\n\x00: 4\r\n\": 5\r\n"},
	{"a name of nothing", "NATS/1.0\r\n: x\r\n"},
	{"a letter's own", "NATS/1.0\r\nDead-Reason: none\r\nOriginal-Dead-Reason: none\r\n"},
	{"many", "NATS/1.0\r\n" + strings.Repeat("A: b\r\n", 8000)},
	{"large", "NATS/1.0\r\nLarge: " + strings.Repeat("x", 60<<10) + "\r\n"},
}

func TestHostileHeadersOfReadableMessagesMeanNothing(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	var values []request
	for _, b := range hostile {
		value := newRequests(1)[0]
		_, body, err := contract.Requests.Encode(value)
		require.NoError(t, err)
		raw(t, f.url, topology.SubjectRequest, b.header+valid+"\r\n", string(body))
		values = append(values, value)
	}
	h := newHandled()
	f.consume(f.requests(), h.handle)
	f.drained()
	h.requireEachOnce(t, values)
	require.Empty(t, f.letters())
}

func TestHostileHeadersGetIntoTheLetterAndMeanNothingThere(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	for _, b := range hostile {
		raw(t, f.url, topology.SubjectRequest, b.header+"\r\n", "poison")
	}
	q := f.requests()
	f.consume(q, newHandled().handle)
	f.drained()
	letters := make(map[string]*jetstream.RawStreamMsg)
	for _, l := range f.letters() {
		require.Equal(t, "dead.REQUESTS.unknown", l.Subject)
		require.Contains(t, l.Header.Get(queue.LetterReason), "no schema")
		require.Equal(t, "poison", string(l.Data))
		letters[l.Header.Get(queue.LetterSequence)] = l
	}
	require.Len(t, letters, len(hostile))
	header := func(name string) nats.Header {
		t.Helper()
		i := slices.IndexFunc(hostile, func(b struct{ name, header string }) bool { return b.name == name })
		return letters[strconv.Itoa(i+1)].Header
	}
	require.Equal(t, "REQUESTS", header("the stream it expects").Get("Original-Nats-Expected-Stream"))
	require.Equal(t, "all", header("a roll-up").Get("Original-Nats-Rollup"))
	require.Equal(t, "REQUESTS:1:2", header("the ID of a letter").Get("Original-Nats-Msg-Id"))
	require.Equal(t, "503", header("the status of nobody there").Get("Original-Status"))
	require.Equal(t, "No Messages", header("the status of no messages").Get("Original-Description"))
	require.Equal(t, "5", header("names that cannot be sent").Get(queue.LetterOmitted))
	require.Equal(t, "none", header("a letter's own").Get("Original-Dead-Reason"))
	require.Equal(t, "none", header("a letter's own").Get("Original-Original-Dead-Reason"))
	require.Equal(t, "1", header("large").Get(queue.LetterOmitted))
	kept := len(header("many").Values("Original-A"))
	require.Equal(t, strconv.Itoa(8000-kept), header("many").Get(queue.LetterOmitted))
	require.Greater(t, kept, 800)
}

func TestMalformedHeaderBlockBecomesALetter(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	blocks := []string{"NATS/1.0\r\nno colon\r\n\r\n", "NATS/1.0 5\r\n\r\n", "NATS/1.0\r\n" + valid, "HTTP/1.1 200 OK\r\n\r\n", "\x00\x01\x02\x03\r\n"}
	for _, b := range blocks {
		raw(t, f.url, topology.SubjectRequest, b, `{}`)
	}
	f.consume(f.requests(), newHandled().handle)
	f.drained()
	require.Len(t, f.letters(), len(blocks))
}

func TestIDThatIsNoTokenIsFiledUnderUnknown(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	odd := []string{"", "a.b", "*", ">", "a b", "a\tb", "a\x00b", "ä", strings.Repeat("x", 129), strings.Repeat("x", 100_000)}
	for _, id := range append(odd, "fine", strings.Repeat("y", 128)) {
		_, err := f.js.Publish(t.Context(), topology.SubjectRequest, []byte(id+"\nunreadable"))
		require.NoError(t, err)
	}
	consume(f, f.notes(requestsConfig(), patience), func(context.Context, []queue.Message[note]) error { return nil })
	f.drained()
	subjects := map[string]int{}
	for _, l := range f.letters() {
		subjects[l.Subject]++
	}
	require.Equal(t, map[string]int{
		"dead.REQUESTS.unknown": len(odd), "dead.REQUESTS.fine": 1, "dead.REQUESTS." + strings.Repeat("y", 128): 1,
	}, subjects)
}

func TestPanicOfTheCodecMakesALetter(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	_, err := f.js.Publish(t.Context(), topology.SubjectRequest, []byte("1\nfatal"))
	require.NoError(t, err)
	consume(f, f.notes(requestsConfig(), patience), func(context.Context, []queue.Message[note]) error { return nil })
	f.drained()
	require.Len(t, f.letters(), 1)
	require.Equal(t, "panic: the codec has a bug", f.letters()[0].Header.Get(queue.LetterReason))
}

// The first replica may not acknowledge, so its terminations are lost. The
// message comes again, and its letter must stay the only one.
func TestMessageWhoseTerminationWasLostHasOneLetter(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t, func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "anyone", Password: "x"},
			{Username: "mute", Password: "x", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"$JS.ACK.>"}}}},
		}
		o.NoAuthUser = "anyone"
	})
	f := newFixture(t, broker.URL(), broker.Connect())
	f.setUp(topology.Settings{AckWait: 100 * time.Millisecond})
	raw(t, f.url, topology.SubjectRequest, "NATS/1.0\r\n\r\n", "poison")
	mute := f.requestsOver(f.connect(nats.UserInfo("mute", "x")), patience)
	c := f.consume(mute, newHandled().handle)
	f.eventually(func() bool { return mute.Counts().DeadLettered >= 3 }, "the message did not come again")
	c.stop()
	require.Equal(t, 1, f.left())

	f.consume(f.requests(), newHandled().handle)
	f.drained()
	require.Len(t, f.letters(), 1)
}

func TestLetterIsStoredBeforeItsMessageIsTerminated(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	letters := f.stream(topology.DeadLetters).Config
	require.NoError(t, f.js.DeleteStream(t.Context(), topology.DeadLetters))
	wire := f.tap("$JS.ACK.>")
	raw(t, f.url, topology.SubjectRequest, "NATS/1.0\r\n\r\n", "poison")
	f.consume(f.requests(), newHandled().handle)
	f.eventually(func() bool { return f.logs.lines("cannot publish yet", "run setup") > 0 }, "the log does not say what to do")
	require.Equal(t, 1, f.left())
	require.Empty(t, wire.sent(""))

	_, err := f.js.CreateStream(t.Context(), letters)
	require.NoError(t, err)
	f.drained()
	require.Len(t, f.letters(), 1)
}

// Sequences begin anew with a stream, and the broker still knows the IDs of the
// letters about the old ones.
func TestNewStreamsMessageHasItsOwnLetter(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	for letters := 1; letters <= 2; letters++ {
		raw(t, f.url, topology.SubjectRequest, "NATS/1.0\r\n\r\n", "poison")
		require.EqualValues(t, 1, f.stream(topology.Requests).State.LastSeq)
		c := f.consume(f.requests(), newHandled().handle)
		f.drained()
		c.stop()
		require.Len(t, f.letters(), letters)
		f.recreate(topology.Requests)
	}
}
