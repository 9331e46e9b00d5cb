package queue

import (
	"context"
	"log/slog"
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
	"decoupled.example/shared/direct"
	"decoupled.example/shared/publish"
)

const died = "its worker process died while handling it in isolation"

// attemptsOver makes a bucket and returns its attempt records.
func attemptsOver(t *testing.T, conn *nats.Conn, replicas int) *attempts {
	t.Helper()
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(30*time.Second))
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "KV_attempts", Subjects: []string{"$KV.attempts.>"}, MaxMsgsPerSubject: 1, AllowDirect: true, Replicas: replicas,
	})
	require.NoError(t, err)
	return openAttempts(t, conn)
}

func openAttempts(t *testing.T, conn *nats.Conn) *attempts {
	t.Helper()
	publisher, err := publish.New(conn, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	client, err := NewClient(conn, publisher, slog.New(slog.DiscardHandler), 0)
	require.NoError(t, err)
	return &attempts{client: client, log: slog.New(slog.DiscardHandler), bucket: "attempts"}
}

func TestAttempts_CountsDeathsInIsolation(t *testing.T) {
	t.Parallel()
	a := attemptsOver(t, brokertest.Start(t).Connect(), 1)
	for failures := range 5 {
		attempt := strconv.Itoa(failures)
		r, err := a.begin(t.Context(), "QUEUE.1.2", attempt, 5)
		require.NoError(t, err)
		require.Equal(t, attempt, r.Running)
		require.Equal(t, failures, r.Failures)
		if failures > 0 {
			require.Equal(t, died, r.Reason)
		}
	}
	r, err := a.begin(t.Context(), "QUEUE.1.2", "last", 5)
	require.NoError(t, err)
	require.Empty(t, r.Running, "no attempt is left")
	require.Equal(t, 5, r.Failures)
	require.Equal(t, died, r.Reason)
}

func TestAttempts_CountsNothingForAnAttemptThatEnded(t *testing.T) {
	t.Parallel()
	a := attemptsOver(t, brokertest.Start(t).Connect(), 1)
	for _, attempt := range []string{"a", "b", "c"} {
		r, err := a.begin(t.Context(), "QUEUE.1.2", attempt, 5)
		require.NoError(t, err)
		require.Equal(t, attempt, r.Running)
		require.Zero(t, r.Failures)
		require.NoError(t, a.end(t.Context(), "QUEUE.1.2", "another's"))
		again, err := a.begin(t.Context(), "QUEUE.1.2", attempt, 5)
		require.NoError(t, err, "its own record blames nothing")
		require.Equal(t, r.Running, again.Running)
		require.Zero(t, again.Failures)
		for range 2 {
			require.NoError(t, a.end(t.Context(), "QUEUE.1.2", attempt))
		}
	}
}

// Two replicas have the same message, and count at the same time.
func TestAttempts_LosesNoConcurrentFailure(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	a := attemptsOver(t, broker.Connect(), 1)
	const replicas, each = 4, 10
	errs := make(chan error, replicas)
	for range replicas {
		mine := openAttempts(t, broker.Connect())
		go func() {
			for range each {
				if _, err := mine.fail(t.Context(), nil, map[string]record{"QUEUE.1.2": {Reason: "no"}, "QUEUE.2.2": {Reason: "no"}}); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range replicas {
		require.NoError(t, <-errs)
	}
	known, err := a.known(t.Context(), []string{"QUEUE.1.2", "QUEUE.2.2", "QUEUE.3.2"})
	require.NoError(t, err)
	require.Len(t, known, 2)
	for key, r := range known {
		require.Equal(t, replicas*each, r.Failures, key)
		leader, err := a.read(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, leader, r)
	}
	a.clear(t.Context(), []string{"QUEUE.1.2"})
	known, err = a.known(t.Context(), []string{"QUEUE.1.2", "QUEUE.2.2"})
	require.NoError(t, err)
	require.Zero(t, known["QUEUE.1.2"].Failures)
	require.Equal(t, replicas*each, known["QUEUE.2.2"].Failures)
}

// Another replica has written one of several records since they were read. The
// others are stored with the first attempt to store all, and refused with the next.
func TestAttempts_CountsAFailureOnceBesideAConflict(t *testing.T) {
	t.Parallel()
	a := attemptsOver(t, brokertest.Start(t).Connect(), 1)
	_, err := a.fail(t.Context(), nil, map[string]record{"QUEUE.2.2": {Reason: "of another replica"}})
	require.NoError(t, err)
	failures := map[string]record{}
	for i := range 5 {
		failures["QUEUE."+strconv.Itoa(i)+".2"] = record{Reason: "no"}
	}
	after, err := a.fail(t.Context(), nil, failures)
	require.NoError(t, err)
	for key := range failures {
		want := 1
		if key == "QUEUE.2.2" {
			want = 2
		}
		stored, err := a.read(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, want, stored.Failures, key)
		require.Equal(t, want, after[key].Failures, key)
	}
}

func TestAttempts_ReadsMoreRecordsThanFitOneRequest(t *testing.T) {
	t.Parallel()
	a := attemptsOver(t, brokertest.Start(t).Connect(), 1)
	const n = 2500
	keys, failures := make([]string, n), make(map[string]record)
	for i := range keys {
		keys[i] = "QUEUE." + strconv.Itoa(i) + ".1764547200000000000"
		if i%2 == 0 {
			failures[keys[i]] = record{Reason: "no"}
		}
	}
	_, err := a.fail(t.Context(), nil, failures)
	require.NoError(t, err)
	known, err := a.known(t.Context(), keys)
	require.NoError(t, err)
	require.Len(t, known, n/2)
}

func TestAttempts_EndsWithItsContextAndConnection(t *testing.T) {
	t.Parallel()
	conn := brokertest.Start(t).Connect()
	a := attemptsOver(t, conn, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	_, err := a.begin(ctx, "QUEUE.1.2", "a", 5)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, publish.ErrUnavailable)
	_, err = a.known(ctx, []string{"QUEUE.1.2"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	conn.Close()
	_, err = a.begin(t.Context(), "QUEUE.1.2", "a", 5)
	require.ErrorIs(t, err, nats.ErrConnectionClosed)
	require.ErrorIs(t, a.end(t.Context(), "QUEUE.1.2", "a"), nats.ErrConnectionClosed)
}

// Any node can be asked, and a follower lags behind. What it has not heard of
// yet must not count.
func TestAttempts_OnThreeNodesAreNeverMistaken(t *testing.T) {
	t.Parallel()
	cluster := brokertest.StartCluster(t)
	attemptsOver(t, cluster.Connect(), 3)
	leader := cluster.StreamLeader("KV_attempts")
	follower := cluster.Nodes[slices.IndexFunc(cluster.Nodes, func(b *brokertest.Broker) bool { return b != leader })]
	a := openAttempts(t, follower.Connect())
	<-time.After(3 * time.Second) // a broker looks every 2 s whether a follower may answer
	for i := range 60 {
		r, err := a.begin(t.Context(), "QUEUE.1.2", strconv.Itoa(i), 1000)
		require.NoError(t, err)
		require.Equal(t, i, r.Failures)
		_, err = a.fail(t.Context(), map[string]record{"QUEUE.1.2": r}, map[string]record{"QUEUE.1.2": {Reason: "no"}})
		require.NoError(t, err)
		require.NoError(t, a.end(t.Context(), "QUEUE.1.2", strconv.Itoa(i)), "ended already")
	}
}

// A question that the broker will never take must not be repeated for ever.
func TestAttempts_EndsWhenTheBrokerRefusesTheQuestion(t *testing.T) {
	t.Parallel()
	conn := brokertest.Start(t, func(o *server.Options) { o.MaxPayload = 400 }).Connect()
	publisher, err := publish.New(conn, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	client, err := NewClient(conn, publisher, slog.New(slog.DiscardHandler), 0)
	require.NoError(t, err)
	a := &attempts{client: client, log: slog.New(slog.DiscardHandler), bucket: "attempts"}
	_, err = a.known(t.Context(), []string{strings.Repeat("x", 500)})
	require.ErrorIs(t, err, direct.ErrRefused)
}
