package queue_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

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

func TestDeadLetter_CopiesHostileHeadersWithoutEffect(t *testing.T) {
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
		require.Contains(t, l.Header.Get(queue.DeadLetterReason), "not JSON")
		require.Equal(t, "poison", string(l.Data))
		letters[l.Header.Get(queue.DeadLetterSequence)] = l
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
	require.Equal(t, "5", header("names that cannot be sent").Get(queue.DeadLetterOmitted))
	require.Equal(t, "none", header("a letter's own").Get("Original-Dead-Reason"))
	require.Equal(t, "none", header("a letter's own").Get("Original-Original-Dead-Reason"))
	require.Equal(t, "1", header("large").Get(queue.DeadLetterOmitted))
	kept := len(header("many").Values("Original-A"))
	require.Equal(t, strconv.Itoa(8000-kept), header("many").Get(queue.DeadLetterOmitted))
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
