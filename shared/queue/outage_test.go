package queue_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

// goesOn publishes one request and waits until it is handled: soon, which is
// before a consumer would notice by its missing heartbeats that nobody answers.
func (f *fixture) goesOn(q *queue.Queue[request], h *handled) {
	f.Helper()
	value := f.publish(q, 1)[0]
	require.Eventually(f, func() bool { return h.of(value) > 0 }, soon, often, "nothing is handled any more")
}

func TestJetStreamThatIsDisabledIsNamed(t *testing.T) {
	t.Parallel()
	f := startEmpty(t, func(o *server.Options) { o.JetStream = false })
	f.consume(f.requests(), newHandled().handle)
	f.eventually(func() bool { return f.logs.lines("cannot consume yet", "JetStream is not enabled") > 0 }, "the log does not say what is wrong")
}

func TestIdleConsumerGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: time.Second})
	q := f.requests()
	h := newHandled()
	f.consume(q, h.handle)
	for range 5 {
		f.goesOn(q, h)
		f.broker.Restart()
	}
	f.goesOn(q, h)
	f.drained()
}

func TestNothingIsLostOverRestartsUnderLoad(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: time.Second})
	f.underLoad(f.broker.Restart, 3)
}

func TestNothingIsLostWhenLeadersShutDownUnderLoad(t *testing.T) {
	t.Parallel()
	cluster := brokertest.StartCluster(t)
	f := newFixture(t, cluster.URL(), cluster.Connect())
	f.setUp(topology.Settings{AckWait: time.Second, Replicas: 3})
	f.underLoad(func() {
		leader := cluster.StreamLeader(topology.Requests)
		leader.Stop()
		cluster.StreamLeader(topology.Requests)
		leader.Restart()
		cluster.WaitReady()
	}, 2)
}

// underLoad has disasters strike while requests are published and handled.
func (f *fixture) underLoad(disaster func(), times int) {
	f.Helper()
	ctx, enough := context.WithCancel(f.Context())
	publisher := f.requests()
	var values []request
	var load errgroup.Group
	load.Go(func() error {
		for ctx.Err() == nil {
			more := newRequests(100)
			values = append(values, more...)
			if err := publisher.Publish(f.Context(), more...); err != nil {
				return err
			}
		}
		return nil
	})
	h := newHandled()
	f.consume(f.requests(), h.handle)
	f.consume(f.requests(), h.handle)
	for range times {
		before := h.count()
		f.eventually(func() bool { return h.count() >= before+1000 }, "nothing is handled")
		disaster()
	}
	before := h.count()
	f.eventually(func() bool { return h.count() >= before+1000 }, "nothing is handled any more")
	enough()
	require.NoError(f, load.Wait())
	f.drainedAfterAll()
	for _, v := range values {
		require.NotZero(f, h.of(v), "lost")
	}
	require.Equal(f, len(values), h.count())
	require.Empty(f, f.letters(), "an outage is nobody's fault")
}

// drainedAfterAll waits until nothing is left, and has the broker deliver again
// what it forgot to remove. A broker (2.15.3) that is shut down under load may note
// an acknowledgement and not remove the message: it stays in the stream, and the
// consumer is beyond it. (The console's drain does the same.)
func (f *fixture) drainedAfterAll() {
	f.Helper()
	const unchangedFor = 2 * time.Second
	left, since := -1, time.Now()
	f.eventually(func() bool {
		now := f.left()
		switch {
		case now == 0:
			return true
		case now != left || !f.settled():
			left, since = now, time.Now()
		case time.Since(since) > unchangedFor:
			f.Logf("%d messages are forgotten", left)
			f.deliverAgain()
			left = -1
		}
		return false
	}, "messages are left in the queue")
}

// settled says whether the consumer has seen an end of every message.
func (f *fixture) settled() bool {
	ctx, cancel := context.WithTimeout(f.Context(), time.Second)
	defer cancel()
	c, err := f.js.Consumer(ctx, topology.Requests, topology.Generator)
	return err == nil && c.CachedInfo().NumPending == 0 && c.CachedInfo().NumAckPending == 0
}

// deliverAgain resets the consumer to the first message, if the broker answers.
func (f *fixture) deliverAgain() {
	stream, err := f.js.Stream(f.Context(), topology.Requests)
	if err != nil {
		return
	}
	from := fmt.Appendf(nil, `{"seq":%d}`, stream.CachedInfo().State.FirstSeq)
	answer, err := f.js.Conn().Request("$JS.API.CONSUMER.RESET."+topology.Requests+"."+topology.Generator, from, patience)
	if err == nil {
		f.Logf("reset to %s: %s", from, answer.Data)
	}
}

func TestConsumeBeginsWhenSetupComes(t *testing.T) {
	t.Parallel()
	f := startEmpty(t)
	q := f.requests()
	h := newHandled()
	f.consume(q, h.handle)
	f.eventually(func() bool { return f.logs.lines("cannot consume yet", "run setup") == 1 }, "the log does not say what to do")
	f.setUp(topology.Settings{})
	f.goesOn(q, h)
	require.Equal(t, 1, f.logs.lines("cannot consume yet"), "once is enough for a while")
}

func TestConsumerDeletedAndMadeAgain(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: time.Second})
	config := f.consumer().Config
	q := f.requests()
	h := newHandled()
	f.consume(q, h.handle)
	f.goesOn(q, h)
	require.NoError(t, f.js.DeleteConsumer(t.Context(), topology.Requests, topology.Generator))
	f.eventually(func() bool { return f.logs.lines("run setup") > 0 }, "the log does not say what to do")
	_, err := f.js.CreateConsumer(t.Context(), topology.Requests, config)
	require.NoError(t, err)
	f.goesOn(q, h)
	f.drained()
}

func TestStreamDeletedAndMadeAgain(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: time.Second})
	q := f.requests()
	h := newHandled()
	f.consume(q, h.handle)
	for range 3 {
		f.goesOn(q, h)
		f.recreate(topology.Requests)
	}
	f.goesOn(q, h)
	f.drained()
	require.Empty(t, f.letters())
}

// Made again with a shorter wait, the consumer would deliver to another what is
// in hand, if the reports of progress kept their pace.
func TestProgressIsReportedAtThePaceOfTheNewConsumer(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	config := f.consumer().Config
	q := f.requests()
	slow := func(context.Context, []queue.Message[request]) error {
		<-time.After(3 * time.Second)
		return nil
	}
	f.consume(q, slow)
	f.eventually(func() bool { return f.consumer().NumWaiting == 2 }, "nothing is asked for")
	require.NoError(t, f.js.DeleteConsumer(t.Context(), topology.Requests, topology.Generator))
	f.eventually(func() bool { return f.logs.lines("run setup") == 2 }, "the loops do not notice")
	config.AckWait = time.Second
	_, err := f.js.CreateConsumer(t.Context(), topology.Requests, config)
	require.NoError(t, err)
	f.publish(q, 1)
	f.drained()
	require.Zero(t, q.Counts().Redelivered)
}

func TestConsume_LogsThatTheConsumerIsOfAnotherKind(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	config := f.consumer().Config
	require.NoError(t, f.js.DeleteConsumer(t.Context(), topology.Requests, topology.Generator))
	config.DeliverSubject, config.MaxWaiting = "pushed", 0
	_, err := f.js.CreatePushConsumer(t.Context(), topology.Requests, config)
	require.NoError(t, err)
	asked := f.tap("$JS.API.CONSUMER.MSG.NEXT.>")
	f.consume(f.requests(), newHandled().handle)
	f.eventually(func() bool { return f.logs.lines("cannot consume yet", "not a pull consumer") > 0 }, "the log does not say why")
	require.Empty(t, asked.sent(""))
}

// What is sent during an outage waits in the client's buffer for its end, and
// when that is full nothing more can be sent.
func TestOutageIsNotFilledWithReportsOfProgress(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: 300 * time.Millisecond})
	conn := f.connect()
	wire := f.tap("$JS.ACK.>")
	finish := make(chan struct{})
	f.publish(f.requests(), 2)
	f.consume(f.requestsOver(conn, patience), func(context.Context, []queue.Message[request]) error {
		<-finish
		return nil
	})
	release := sync.OnceFunc(func() { close(finish) })
	t.Cleanup(release)
	f.eventually(func() bool { return len(wire.sent("+WPI")) > 0 }, "no progress is reported")
	f.broker.Stop()
	f.eventually(func() bool { return !conn.IsConnected() }, "the connection is not lost")
	before, err := conn.Buffered()
	require.NoError(t, err)
	<-time.After(time.Second)
	after, err := conn.Buffered()
	require.NoError(t, err)
	require.Equal(t, before, after)
	release()
	f.broker.Restart()
	f.drained()
}

// What a consumer asks during an outage would be sent after it, by each replica,
// and would be in the way of acknowledgements until then.
func TestWithoutAConnectionNothingIsAsked(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	conn := f.connect()
	q := queue.New(f.client(conn, patience), quickConfig(), contract.Requests)
	f.broker.Stop()
	f.eventually(func() bool { return !conn.IsConnected() }, "it is gone")
	before := conn.Stats().OutMsgs
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.NoError(t, q.Consume(ctx, newHandled().handle))
	require.Equal(t, before, conn.Stats().OutMsgs)
}
