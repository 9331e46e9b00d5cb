package queue_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

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
		{"", `{}`, "unknown", "id is missing"},
		{valid, "", "unknown", "the body is empty"},
		{valid, "poison", "unknown", "not JSON"},
		{valid, "{\"id\":\"\xff\"}", "unknown", "invalid UTF-8"},
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
		sequence, err := strconv.Atoi(l.Header.Get(queue.DeadLetterSequence))
		require.NoError(t, err)
		p := poison[sequence-1]
		require.Equal(t, "dead.REQUESTS."+p.filed, l.Subject, p.reason)
		require.Contains(t, l.Header.Get(queue.DeadLetterReason), p.reason)
		require.Equal(t, "1", l.Header.Get(queue.DeadLetterDeliveries))
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

func TestIDThatIsNoTokenIsFiledUnderUnknown(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	odd := []string{"", "a.b", "*", ">", "a b", "a\tb", "a\x00b", "ä", strings.Repeat("x", 129), strings.Repeat("x", 100_000)}
	for _, id := range append(odd, "fine", strings.Repeat("y", 128)) {
		_, err := f.js.Publish(t.Context(), topology.SubjectRequest, []byte(id+"\nunreadable"))
		require.NoError(t, err)
	}
	consume(f, f.notes(quickConfig(), patience), func(context.Context, []queue.Message[note]) error { return nil })
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
	consume(f, f.notes(quickConfig(), patience), func(context.Context, []queue.Message[note]) error { return nil })
	f.drained()
	require.Len(t, f.letters(), 1)
	require.Equal(t, "panic: the codec has a bug", f.letters()[0].Header.Get(queue.DeadLetterReason))
}

// The first replica may not acknowledge, so its terminations are lost. The
// message comes again, and its letter must stay the only one.
func TestDeadLetter_IsStoredOnceWhenTheTerminationIsLost(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: 100 * time.Millisecond}, func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "anyone", Password: "x"},
			{Username: "mute", Password: "x", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"$JS.ACK.>"}}}},
		}
		o.NoAuthUser = "anyone"
	})
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

func TestDeadLetter_IsStoredBeforeTheTermination(t *testing.T) {
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

// Two bad messages, one for each loop, and no room for their letters. Good
// messages must not wait for it.
func TestDeadLetter_WithoutRoomDoesNotStopTheFlow(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	full := f.stream(topology.DeadLetters).Config
	full.MaxBytes = 1
	_, err := f.js.UpdateStream(t.Context(), full)
	require.NoError(t, err)
	config := quickConfig()
	config.MaxBackoff = never
	q := queue.New(f.client(f.connect(), patience), config, contract.Requests)
	for range 2 {
		raw(t, f.url, topology.SubjectRequest, "NATS/1.0\r\n\r\n", "poison")
	}
	good := f.publish(q, 500)

	h := newHandled()
	f.consume(q, h.handle)
	f.eventually(func() bool { return h.count() == len(good) }, "good messages wait for bad ones")
	h.requireEachOnce(t, good)
	f.eventually(func() bool { return f.logs.lines("cannot dead-letter a message", "it stays in the queue") == 2 }, "the log does not say it")
	f.eventually(func() bool { return f.left() == 2 }, "acknowledgements are missing, or a message is")
	require.Zero(t, q.Counts().DeadLettered)
}

// Nor do many that their handler fails, and that are given up together.
func TestDeadLetter_WithoutRoomForManyDoesNotStopTheFlow(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	full := f.stream(topology.DeadLetters).Config
	full.MaxBytes = 1
	_, err := f.js.UpdateStream(t.Context(), full)
	require.NoError(t, err)
	config := quickConfig()
	config.Attempts, config.MaxBackoff = 1, never
	q := queue.New(f.client(f.connect(), patience), config, contract.Requests)
	bad := make(map[string]bool)
	for _, r := range f.publish(q, 100) {
		bad[r.ID] = true
	}
	good := f.publish(q, 100)

	h := newHandled()
	f.consume(q, func(ctx context.Context, batch []queue.Message[request]) error {
		if slices.ContainsFunc(batch, func(m queue.Message[request]) bool { return bad[m.Body.ID] }) {
			return errors.New("no")
		}
		return h.handle(ctx, batch)
	})
	f.eventually(func() bool { return h.count() == len(good) }, "good messages wait for bad ones")
	require.Zero(t, q.Counts().DeadLettered)
}

// Sequences begin anew with a stream, and the broker still knows the IDs of the
// letters about the old ones.
func TestDeadLetter_DiffersForARecreatedStream(t *testing.T) {
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

// A message ID proves nothing: somebody may have used it for another letter.
func TestDeadLetter_IsStoredThoughAnotherBearsItsMessageID(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	raw(t, f.url, topology.SubjectRequest, "NATS/1.0\r\n\r\n", "poison")
	id := "REQUESTS:1:" + strconv.FormatInt(f.message(1).Time.UnixNano(), 10)
	_, err := f.js.Publish(t.Context(), "dead.REQUESTS.unknown", []byte("forged"), jetstream.WithMsgID(id))
	require.NoError(t, err)
	f.consume(f.requests(), newHandled().handle)
	f.drained()
	letters := f.letters()
	require.Len(t, letters, 2)
	require.Equal(t, "poison", string(letters[1].Data))
	require.Equal(t, "1", letters[1].Header.Get(queue.DeadLetterSequence))
	require.Positive(t, f.logs.lines("another dead letter bears the message ID", id))
}

// The broker's limit may be lowered after a message was stored, or the message
// may just fit its queue.
func TestDeadLetter_LeavesOutWhatDoesNotFitTheBroker(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never}, func(o *server.Options) { o.MaxPayload = 8 << 10 })
	header := "NATS/1.0\r\nLarge: " + strings.Repeat("x", 3<<10) + "\r\n\r\n"
	body := strings.Repeat("y", 8<<10-len(header)-100)
	raw(t, f.url, topology.SubjectRequest, header, body)
	f.consume(f.requests(), newHandled().handle)
	f.drained()
	letters := f.letters()
	require.Len(t, letters, 1)
	require.Equal(t, body, string(letters[0].Data))
	require.Empty(t, letters[0].Header.Get("Original-Large"))
	require.Equal(t, "1", letters[0].Header.Get(queue.DeadLetterOmitted))
	require.Equal(t, topology.SubjectRequest, letters[0].Header.Get(queue.DeadLetterSubject))
}
