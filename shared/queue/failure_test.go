package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

// attempts records how a handler met one bad message.
type attempts struct {
	mu         sync.Mutex
	inCompany  int   // attempts together with others
	deliveries []int // of the attempts alone
}

// failing is a handler that fails as long as a batch contains bad.
func failing(bad request, a *attempts, h *handled, err error) queue.Handler[request] {
	return func(ctx context.Context, batch []queue.Message[request]) error {
		if !has(batch, bad) {
			return h.handle(ctx, batch)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if len(batch) > 1 {
			a.inCompany++
		} else {
			a.deliveries = append(a.deliveries, batch[0].Deliveries)
		}
		return err
	}
}

func TestOneThatFailsTakesNoOtherAlong(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	q := f.requests()
	wire := f.tap("$JS.ACK.>")
	values := f.publish(q, 100)
	bad := values[50]
	published := f.message(51).Time
	var a attempts
	h := newHandled()
	f.consume(q, failing(bad, &a, h, errors.New("no paper in the printer")))
	f.drained()

	require.NotZero(t, a.inCompany, "the test must have it fail in a batch")
	require.Equal(t, []int{1, 2, 3, 4, 5}, a.deliveries)
	h.requireEachOnce(t, slices.Delete(slices.Clone(values), 50, 51))
	require.Equal(t, queue.Counts{
		Published: 100, Acknowledged: 99, Redelivered: 4, Failed: 5, DeadLettered: 1,
	}, q.Counts())

	letters := f.letters()
	require.Len(t, letters, 1)
	letter := letters[0]
	require.Equal(t, "dead.REQUESTS."+bad.ID, letter.Subject)
	_, body, err := contract.Requests.Encode(bad)
	require.NoError(t, err)
	require.Equal(t, body, letter.Data)
	set := letter.Header.Get(queue.DeadLetterTime)
	require.Equal(t, map[string][]string{
		jetstream.MsgIDHeader:      {"REQUESTS:51:" + strconv.FormatInt(published.UnixNano(), 10)},
		queue.DeadLetterReason:     {"no paper in the printer"},
		queue.DeadLetterQueue:      {"REQUESTS"},
		queue.DeadLetterSubject:    {"strings.request"},
		queue.DeadLetterSequence:   {"51"},
		queue.DeadLetterAttempts:   {"5"},
		queue.DeadLetterDeliveries: {"5"},
		queue.DeadLetterPublished:  {published.Format(time.RFC3339Nano)},
		queue.DeadLetterTime:       {set},
	}, map[string][]string(letter.Header))
	at, err := time.Parse(time.RFC3339Nano, set)
	require.NoError(t, err)
	require.WithinRange(t, at, published, time.Now())

	f.eventually(func() bool { return len(wire.sent("+TERM")) == 1 }, "the termination is missing")
	for subject, verdicts := range wire.about() {
		require.Len(t, verdicts, 1, "verdicts on %s: %q", subject, verdicts)
	}
	require.Len(t, wire.sent("+ACK"), 99)
	require.Len(t, wire.sent("-NAK"), 4)
	for i, nak := range wire.sent("-NAK") {
		var request struct{ Delay time.Duration }
		require.NoError(t, json.Unmarshal(nak.Data[len("-NAK "):], &request), "a bare nak comes back at once: %s", nak.Data)
		longest := min(10*time.Millisecond<<i, 50*time.Millisecond)
		require.LessOrEqual(t, request.Delay, longest)
		require.GreaterOrEqual(t, request.Delay, longest/2)
	}
}

func TestWhatSucceedsInTheEndIsNoDeadLetter(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	q := f.requests()
	f.publish(q, 1)
	succeeded := make(chan int, 1)
	f.consume(q, func(_ context.Context, batch []queue.Message[request]) error {
		if batch[0].Deliveries < 5 {
			return errors.New("not yet")
		}
		succeeded <- batch[0].Deliveries
		return nil
	})
	require.Equal(t, 5, receive(t, succeeded, "it did not come again"))
	f.drained()
	require.Empty(t, f.letters())
	require.EqualValues(t, 4, q.Counts().Failed)
}

func TestPanicIsAFailure(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	q := f.requests()
	values := f.publish(q, 50)
	h := newHandled()
	f.consume(q, func(ctx context.Context, batch []queue.Message[request]) error {
		if has(batch, values[20]) {
			panicForTheTest()
		}
		return h.handle(ctx, batch)
	})
	f.drained()
	h.requireEachOnce(t, slices.Delete(slices.Clone(values), 20, 21))
	require.Len(t, f.letters(), 1)
	require.Equal(t, "panic: at the disco", f.letters()[0].Header.Get(queue.DeadLetterReason))
	require.Positive(t, f.logs.lines("handler panicked", "at the disco", "panicForTheTest"), "the stack must be in the log")
}

func panicForTheTest() { panic("at the disco") }

// What a handler says of a failure may contain anything that a message does.
func TestReasonIsOnePrintableLine(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	q := f.requests()
	f.publish(q, 1)
	f.consume(q, func(_ context.Context, batch []queue.Message[request]) error {
		if batch[0].Attempt < 5 { // the longest that a record may have to hold
			return errors.New(strings.Repeat("<", 10_000))
		}
		return errors.New("a\r\nNats-Rollup: all\r\n\r\nb\x00\x1b[31m\u2028\u202e\xff" + strings.Repeat("é", 10_000))
	})
	f.drained()
	require.Len(t, f.letters(), 1)
	letter := f.letters()[0]
	require.Empty(t, letter.Header.Get("Nats-Rollup"))
	reason := letter.Header.Get(queue.DeadLetterReason)
	require.Regexp(t, `^a  Nats-Rollup: all    b  \[31m  \?é+…$`, reason)
	require.Less(t, len(reason), 1100)
}

// Each fails and is to come again much later, while the handler is still busy
// with the others of its batch, so that progress is reported. Reported for what
// has failed as well, it would come again as soon as the reports end.
func TestProgressReportsLeaveAMessageThatIsToComeLaterAlone(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: 300 * time.Millisecond})
	config := quickConfig()
	config.Backoff, config.MaxBackoff = never, never
	q := queue.New(f.client(f.connect(), patience), config, contract.Requests)
	wire := f.tap("$JS.ACK.>")
	const n = 50
	f.publish(q, n)
	var inCompany, slow atomic.Int64
	c := f.consume(q, func(_ context.Context, batch []queue.Message[request]) error {
		if len(batch) > 1 {
			inCompany.Add(1)
		} else if inCompany.Load() > 0 && slow.Add(1) <= 4 {
			reports := len(wire.sent("+WPI"))
			f.eventually(func() bool { return len(wire.sent("+WPI")) >= reports+2 }, "no progress is reported")
		}
		return errors.New("bad")
	})
	f.eventually(func() bool { return len(wire.sent("-NAK {")) == n }, "they do not fail")
	c.stop()
	require.NotZero(t, inCompany.Load(), "the test must have them in a batch")
	for subject, verdicts := range wire.about() {
		if i := slices.IndexFunc(verdicts, func(v string) bool { return strings.HasPrefix(v, "-NAK {") }); i >= 0 {
			require.Len(t, verdicts, i+1, "sent to %s: %q", subject, verdicts)
		}
	}
}

func TestHandler_MayTakeLongerThanTheAckWait(t *testing.T) {
	t.Parallel()
	const ackWait = time.Second
	f := start(t, topology.Settings{AckWait: ackWait})
	a, b := f.requests(), f.requests()
	h := newHandled()
	slow := func(ctx context.Context, batch []queue.Message[request]) error {
		<-time.After(3 * ackWait)
		return h.handle(ctx, batch)
	}
	f.consume(a, slow)
	f.consume(b, slow)
	values := f.publish(f.requests(), 4) // one for each loop
	f.drained()
	h.requireEachOnce(t, values)
	require.Zero(t, a.Counts().Redelivered+b.Counts().Redelivered)
	require.Zero(t, f.consumer().NumRedelivered)
}
