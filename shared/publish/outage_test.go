package publish_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/publish"
)

func TestRestartsOfTheBrokerLoseAndRepeatNothing(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	js := create(t, broker, stream)
	p := publisher(t, broker.Connect())

	var (
		published atomic.Int64
		stop      = make(chan struct{})
		group     errgroup.Group
	)
	for w := range 4 {
		group.Go(func() error {
			for b := 0; ; b++ {
				select {
				case <-stop:
					return nil
				default:
				}
				if err := complete(p.Publish(t.Context(), stream.Name, messages(fmt.Sprintf("work.%d.%d", w, b), 20))); err != nil {
					return err
				}
				published.Add(20)
			}
		})
	}
	for range 3 {
		before := published.Load()
		require.Eventually(t, func() bool { return published.Load() >= before+500 }, patience, time.Millisecond)
		broker.Restart()
	}
	before := published.Load()
	require.Eventually(t, func() bool { return published.Load() > before }, patience, time.Millisecond, "it goes on")
	close(stop)
	require.NoError(t, group.Wait())
	requireEachOnce(t, js, int(published.Load()))
}

func TestWithoutAConnectionNothingPilesUp(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	js := create(t, broker, stream)
	conn := broker.Connect()
	p := publisher(t, conn)
	require.NoError(t, complete(p.Publish(t.Context(), stream.Name, messages("work.before", 1))))
	broker.Stop()
	require.Eventually(t, func() bool { return !conn.IsConnected() }, patience, time.Millisecond)
	buffered, err := conn.Buffered()
	require.NoError(t, err)

	sent := conn.Stats().OutMsgs
	for range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		_, err := p.Publish(ctx, stream.Name, messages("work.away", 100))
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "100 of 100 messages are not confirmed")
	}
	require.Equal(t, sent, conn.Stats().OutMsgs)
	after, err := conn.Buffered()
	require.NoError(t, err)
	require.Equal(t, buffered, after, "nothing is in the client's buffer, to be sent later")

	done := make(chan error, 1)
	go func() { done <- complete(p.Publish(t.Context(), stream.Name, messages("work.after", 9))) }()
	broker.Restart()
	requireDone(t, done)
	requireEachOnce(t, js, 10)
}

func TestTheFirstConnectionMayComeLate(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	js := create(t, broker, stream)
	broker.Stop()
	p := publisher(t, broker.Connect())
	done := make(chan error, 1)
	go func() { done <- complete(p.Publish(t.Context(), stream.Name, messages("work.a", 10))) }()

	broker.Restart()
	requireDone(t, done)
	requireEachOnce(t, js, 10)
}

func TestPublish_NamesWhatIsUnknownWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	js := create(t, broker, stream)
	var log brokertest.Log
	p, err := publish.New(broker.Connect(), log.Slog())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	batch := append(messages("nowhere", 2), messages("work.a", 3)...)
	batch = append(batch, &nats.Msg{Subject: "work.a", Data: make([]byte, 65<<10)})
	var refused map[int]error
	done := make(chan error, 1)
	go func() {
		var err error
		refused, err = p.Publish(ctx, stream.Name, batch)
		done <- err
	}()
	log.Await(t, `"messages":2`, "nowhere")
	cancel()

	err = await(t, done)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, publish.ErrUnavailable)
	require.ErrorContains(t, err, "cannot publish to nowhere: 2 of 6 messages are not confirmed")
	require.ErrorContains(t, err, "run setup", "why they are not")
	delete(refused, 2)
	delete(refused, 3)
	delete(refused, 4) // stored by the first attempt
	require.Len(t, refused, 1, "what was refused before is reported too")
	require.ErrorIs(t, refused[5], publish.ErrTooLarge)
	requireEachOnce(t, js, 3)
}

func TestWhenTheContextHasEndedNothingIsSent(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	js := create(t, broker, stream)
	p := publisher(t, broker.Connect())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	refused, err := p.Publish(ctx, stream.Name, messages("work.a", 5))

	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "5 of 5")
	require.Nil(t, refused)
	requireEachOnce(t, js, 0)
}

// A subject that somebody receives, and no stream: no answer ever comes.
func TestTheContextEndsAnAttempt(t *testing.T) {
	t.Parallel()
	p, _, received := unanswered(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- complete(p.Publish(ctx, stream.Name, messages("silent", 3))) }()
	<-received
	cancel()
	require.ErrorIs(t, await(t, done), context.Canceled)
}

func TestTheContextEndsAnAttemptOfManyMessages(t *testing.T) {
	t.Parallel()
	p, _, received := unanswered(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- complete(p.Publish(ctx, stream.Name, messages("silent", 33_500))) }()
	<-received
	cancel()
	require.ErrorIs(t, await(t, done), context.Canceled)
}

func TestClosingTheConnectionEndsAnAttempt(t *testing.T) {
	t.Parallel()
	p, conn, received := unanswered(t)
	done := make(chan error, 1)
	go func() { done <- complete(p.Publish(t.Context(), stream.Name, messages("silent", 3))) }()
	<-received
	conn.Close()
	err := await(t, done)
	require.ErrorIs(t, err, nats.ErrConnectionClosed)
	require.ErrorIs(t, err, publish.ErrUnavailable)
	require.ErrorContains(t, err, "3 of 3 messages are not confirmed")
}

// unanswered returns a publisher that waits for an answer for ever, its
// connection, and what "silent" receives.
func unanswered(t *testing.T) (*publish.Publisher, *nats.Conn, <-chan *nats.Msg) {
	t.Helper()
	broker := brokertest.Start(t)
	received := make(chan *nats.Msg, 1)
	listener := broker.Connect()
	_, err := listener.Subscribe("silent", func(m *nats.Msg) {
		select {
		case received <- m:
		default:
		}
	})
	require.NoError(t, err)
	require.NoError(t, listener.Flush())
	conn := broker.Connect()
	p, err := publish.NewImpatient(conn, slog.New(slog.DiscardHandler), time.Hour)
	require.NoError(t, err)
	return p, conn, received
}

func TestClosingTheConnectionEndsTheWaitForIt(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	conn := broker.Connect()
	p := publisher(t, conn)
	broker.Stop()
	require.Eventually(t, func() bool { return !conn.IsConnected() }, patience, time.Millisecond)
	done := make(chan error, 1)
	go func() { done <- complete(p.Publish(t.Context(), stream.Name, messages("work.a", 3))) }()
	conn.Close()
	require.ErrorIs(t, await(t, done), nats.ErrConnectionClosed)

	_, err := p.Publish(t.Context(), stream.Name, messages("work.a", 3))
	require.ErrorIs(t, err, nats.ErrConnectionClosed, "and at once from then on")
}
