package service_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/service"
)

// ask publishes a question and returns the first n different answers, by what
// identifies them. A question that came too early for a replica is asked again.
func ask[T any](t *testing.T, nc *nats.Conn, subject string, n int, identity func(T) string) map[string]T {
	t.Helper()
	answers := make(map[string]T)
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	require.NoError(t, err)
	defer func() { require.NoError(t, sub.Unsubscribe()) }()
	for deadline := time.Now().Add(patience); len(answers) < n; {
		require.True(t, time.Now().Before(deadline), "%d of %d answered on %s", len(answers), n, subject)
		require.NoError(t, nc.PublishRequest(subject, inbox, nil))
		for {
			m, err := sub.NextMsg(100 * time.Millisecond)
			if err != nil {
				break // nobody else answers
			}
			if len(m.Data) == 0 {
				continue // there is nobody yet
			}
			var answer T
			require.NoError(t, json.Unmarshal(m.Data, &answer), string(m.Data))
			answers[identity(answer)] = answer
		}
	}
	require.Len(t, answers, n)
	return answers
}

func instance(s service.Status) string { return s.Instance }

func TestEveryReplicaAnswersWithItsStatus(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	before := time.Now()
	for i := range 3 {
		boot(t, func(ctx context.Context, s *service.Service) error {
			s.ReportCounts(func() map[string]int64 { return map[string]int64{"made": int64(i)} })
			<-ctx.Done()
			return nil
		}, "--nats-url", b.URL()).await("running")
	}
	nc := b.Connect()

	var made int64
	replicas := ask(t, nc, service.StatusSubject("tester"), 3, instance)
	for _, status := range replicas {
		require.Equal(t, "tester", status.Service)
		require.NotEmpty(t, status.Host)
		require.Equal(t, service.CurrentBuild().Version, status.Version)
		require.WithinRange(t, status.Started, before, time.Now())
		require.Greater(t, status.Up, 0.0)
		require.LessOrEqual(t, status.Up, time.Since(before).Seconds())
		made += 1 << (10 * status.Counts["made"])
	}
	require.EqualValues(t, 1+1<<10+1<<20, made, "each counts for itself")

	// `nats micro ls` asks like this.
	require.Len(t, ask(t, nc, "$SRV.PING", 3, func(p micro.Ping) string { return p.ID }), 3)
	for id, info := range ask(t, nc, "$SRV.INFO.tester", 3, func(i micro.Info) string { return i.ID }) {
		require.Contains(t, replicas, id)
		require.Len(t, info.Endpoints, 1)
		require.Equal(t, "status.tester", info.Endpoints[0].Subject)
		require.Empty(t, info.Endpoints[0].QueueGroup)
		require.Contains(t, info.Metadata, "host")
	}
}

func TestStatusWithoutCountsIsAnEmptyObject(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	boot(t, idle, "--nats-url", b.URL())
	for _, status := range ask(t, b.Connect(), service.StatusSubject("tester"), 1, instance) {
		require.NotNil(t, status.Counts)
	}
}

func TestReportProblems_AreAnsweredInTheStatusUntilTheyAreOver(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	s, err := service.New("tester", b.Connect(), zerolog.Nop(), patience)
	require.NoError(t, err)
	problems := func() []string {
		for _, status := range ask(t, b.Connect(), service.StatusSubject("tester"), 1, instance) {
			return status.Problems
		}
		return nil
	}
	require.Empty(t, problems())
	var over atomic.Bool
	s.ReportProblems(func() []string { return nil })
	s.ReportProblems(func() []string {
		if over.Load() {
			return nil
		}
		return []string{`REQUESTS: backing off for 5s after "connection refused"`}
	})
	s.ReportProblems(func() []string { return []string{"RECEIPTS: a handler is overdue"} })
	require.Equal(t, []string{`REQUESTS: backing off for 5s after "connection refused"`, "RECEIPTS: a handler is overdue"}, problems())
	over.Store(true)
	require.Equal(t, []string{"RECEIPTS: a handler is overdue"}, problems())
}

// What a problem quotes may be of any length, and anyone's.
func TestReportProblems_AreBoundedAndPrintable(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	s, err := service.New("tester", b.Connect(), zerolog.Nop(), patience)
	require.NoError(t, err)
	s.ReportProblems(func() []string { return []string{"two\nlines\x1b[2J \u202eturned \xff", strings.Repeat("ö", 10_000)} })
	s.ReportProblems(func() []string { return slices.Repeat([]string{"again"}, 1000) })
	for _, status := range ask(t, b.Connect(), service.StatusSubject("tester"), 1, instance) {
		require.Len(t, status.Problems, service.MaxProblems)
		require.Equal(t, "two lines\ufffd[2J \ufffdturned \ufffd", status.Problems[0])
		require.Regexp(t, "^ö{140,150}…$", status.Problems[1])
		require.Equal(t, "again", status.Problems[2])
		require.Equal(t, "and 995 more", status.Problems[service.MaxProblems-1])
	}
}

func TestStatusIsThereBeforeAndAfterTheBroker(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	url := b.URL()
	b.Stop()
	p := boot(t, idle, "--nats-url", url)
	p.await("running")

	b.Restart()
	replica := func() string {
		for id := range ask(t, b.Connect(), service.StatusSubject("tester"), 1, instance) {
			return id
		}
		return ""
	}
	first := replica()
	b.Restart()
	require.Equal(t, first, replica(), "the same replica")

	p.stop()
	require.Zero(t, p.exit())
	nc := b.Connect()
	require.Eventually(t, func() bool {
		_, err := nc.Request(service.StatusSubject("tester"), nil, patience)
		return errors.Is(err, nats.ErrNoResponders)
	}, patience, tick, "a stopped replica must be gone")
}

func TestAnnounceNeedsAnOpenConnection(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	nc := b.Connect()
	nc.Close()
	_, err := service.Announce(nc, "tester", func() map[string]int64 { return nil }, func() []string { return nil })
	require.ErrorContains(t, err, "cannot announce service tester")
	require.ErrorIs(t, err, nats.ErrConnectionClosed)
}
