package publish_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/publish"
)

// patience bounds every wait. What is waited for needs milliseconds, or the
// second after which a trouble is logged; a loaded machine is slow.
const patience = 60 * time.Second

func TestAFullStreamSlowsAndLosesNothing(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	queue := stream
	queue.Retention, queue.Discard, queue.MaxMsgs = jetstream.WorkQueuePolicy, jetstream.DiscardNew, 10
	js := create(t, broker, queue)
	var log brokertest.Log
	done := inBackground(t, broker.Connect(), &log, messages("work.a", 35))

	log.Await(t, "full", "waiting for room", `"messages":25`, "work.a")

	consumer, err := js.CreateConsumer(t.Context(), queue.Name, jetstream.ConsumerConfig{AckPolicy: jetstream.AckExplicitPolicy})
	require.NoError(t, err)
	seen := make(map[string]int)
	for len(seen) < 35 {
		batch, err := consumer.Fetch(10, jetstream.FetchMaxWait(100*time.Millisecond))
		require.NoError(t, err)
		for m := range batch.Messages() {
			seen[m.Headers().Get(jetstream.MsgIDHeader)]++
			require.NoError(t, m.DoubleAck(t.Context()))
		}
	}
	requireDone(t, done)
	for id, n := range seen {
		require.Equal(t, 1, n, "%s was stored more than once", id)
	}
	s, err := js.Stream(t.Context(), queue.Name)
	require.NoError(t, err)
	require.EqualValues(t, 35, s.CachedInfo().State.LastSeq, "none is stored more than once")
}

func TestAFullAccountIsNotTheMessagesFault(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	js := create(t, broker, stream)
	limit := func(bytes int64) {
		require.NoError(t, broker.Server().GlobalAccount().UpdateJetStreamLimits(map[string]server.JetStreamAccountLimits{
			"": {MaxMemory: -1, MaxStore: bytes, MaxStreams: -1, MaxConsumers: -1},
		}))
	}
	limit(2 << 10)
	var log brokertest.Log
	done := inBackground(t, broker.Connect(), &log, messages("work.a", 50))

	log.Await(t, "resource limits exceeded for account", "waiting for room")
	limit(1 << 20)

	requireDone(t, done)
	requireEachOnce(t, js, 50)
}

func TestAMissingStreamIsWaitedFor(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	var log brokertest.Log
	done := inBackground(t, broker.Connect(), &log, messages("work.a", 20))

	log.Await(t, "run setup", `"messages":20`, "work.a", "trying again")
	js := create(t, broker, stream)

	requireDone(t, done)
	requireEachOnce(t, js, 20)
}

func TestAMissingPermissionIsNamedAndWaitedFor(t *testing.T) {
	t.Parallel()
	user := &server.User{Username: "worker", Permissions: &server.Permissions{
		Publish: &server.SubjectPermission{Deny: []string{"work.>"}},
	}}
	broker := brokertest.Start(t, func(o *server.Options) {
		o.Users = []*server.User{user, {Username: "setup"}}
		o.NoAuthUser = "setup"
	})
	js := create(t, broker, stream)
	var denied atomic.Int64
	conn := broker.Connect(nats.UserInfo("worker", ""), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if errors.Is(err, nats.ErrPermissionViolation) {
			denied.Add(1)
		}
	}))
	var log brokertest.Log
	p, err := publish.NewImpatient(conn, log.Slog(), 100*time.Millisecond)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- complete(p.Publish(t.Context(), stream.Name, messages("work.a", 3))) }()

	log.Await(t, "permission to publish is missing", `"messages":3`)
	require.Eventually(t, func() bool { return denied.Load() >= 9 }, patience, 10*time.Millisecond, "each is tried again and again")

	broker.Stop()
	user.Permissions = nil
	broker.Restart()
	requireDone(t, done)
	requireEachOnce(t, js, 3)
}

// Some messages are answered, the others never: they are sent again all the same.
func TestPublish_RepeatsWhenAnswersStopHalfWay(t *testing.T) {
	t.Parallel()
	user := &server.User{Username: "worker", Permissions: &server.Permissions{
		Publish: &server.SubjectPermission{Deny: []string{"work.b"}},
	}}
	broker := brokertest.Start(t, func(o *server.Options) {
		o.Users = []*server.User{user, {Username: "setup"}}
		o.NoAuthUser = "setup"
	})
	create(t, broker, stream)
	var denied atomic.Int64
	conn := broker.Connect(nats.UserInfo("worker", ""), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) { denied.Add(1) }))
	p, err := publish.NewImpatient(conn, slog.New(slog.DiscardHandler), 100*time.Millisecond)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := p.Publish(ctx, stream.Name, append(messages("work.a", 20), messages("work.b", 5)...))
		ended <- err
	}()

	require.Eventually(t, func() bool { return denied.Load() >= 15 }, patience, 10*time.Millisecond, "each is tried again and again")
	cancel()
	require.ErrorContains(t, await(t, ended), "5 of 25 messages are not confirmed")
}

// While the broker refuses, attempts become rarer.
func TestPublish_BacksOffWhileTheBrokerRefuses(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	full := stream
	full.Discard, full.MaxMsgs = jetstream.DiscardNew, 1
	js := create(t, broker, full)
	_, err := js.Publish(t.Context(), "work.a", nil)
	require.NoError(t, err)
	tap := broker.Connect()
	attempts, err := tap.SubscribeSync("work.b")
	require.NoError(t, err)
	require.NoError(t, tap.Flush())
	var log brokertest.Log
	inBackground(t, broker.Connect(), &log, messages("work.b", 1))

	log.Await(t, "waiting for room") // after a second
	require.NoError(t, tap.Flush())
	n, _, err := attempts.Pending()
	require.NoError(t, err)
	require.LessOrEqual(t, n, 10)
}

// inBackground publishes, and returns where the result will be.
func inBackground(t *testing.T, conn *nats.Conn, log *brokertest.Log, batch []*nats.Msg) <-chan error {
	t.Helper()
	p, err := publish.New(conn, log.Slog())
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- complete(p.Publish(t.Context(), stream.Name, batch)) }()
	return done
}

// complete makes a refusal an error, except that of a message that an earlier
// attempt has stored.
func complete(refused map[int]error, err error) error {
	for i, reason := range refused {
		if !errors.Is(reason, publish.ErrDuplicate) {
			err = errors.Join(err, fmt.Errorf("message %d: %w", i, reason))
		}
	}
	return err
}

func requireDone(t *testing.T, done <-chan error) {
	t.Helper()
	require.NoError(t, await(t, done))
}

func await(t *testing.T, done <-chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(patience):
		require.FailNow(t, "Publish does not return")
		return nil
	}
}
