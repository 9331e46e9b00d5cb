package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/internal/testbed"
	"decoupled.example/console/status"
	"decoupled.example/console/verify"
	"decoupled.example/generator"
	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

// running is a command under way.
type running struct {
	out, err output
	stop     context.CancelCauseFunc
	ended    chan int
}

func start(t *testing.T, url string, args ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancelCause(context.WithoutCancel(t.Context()))
	r := &running{stop: stop, ended: make(chan int, 1)}
	go func() { r.ended <- execute(ctx, append([]string{"--nats-url", url}, args...), &r.out, &r.err) }()
	return r
}

// interrupt is what a signal does.
func (r *running) interrupt() int {
	r.stop(errors.New("interrupt signal"))
	return <-r.ended
}

// A broker to which there is a connection, and which answers nothing, is given up
// as one that is away.
func TestBrokerThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	url := testbed.Silent(t, b.Broker)
	for _, command := range []string{
		"status", "status --watch", "verify", "dead list", "dead discard --all", "pause requests", "resume requests", "reset --yes",
		"send 5", "send --malformed", "trace " + contract.NewID(),
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			code, _, stderr := console(t, url, append(strings.Fields(command), "--wait=1s")...)
			require.Equal(t, exitFailed, code)
			require.Contains(t, stderr, "does not answer for 1s")
		})
	}
	t.Run("drain", func(t *testing.T) {
		t.Parallel()
		code, stdout, _ := console(t, url, "drain", "--timeout=3s", "--wait=1s")
		require.Equal(t, exitFailed, code)
		require.Contains(t, stdout, "the broker does not answer")
		require.Contains(t, stdout, "the status cannot be read")
	})
}

// Where only some questions are answered, as by a node that is alone, a command
// ends too.
func TestClusterWithoutQuorum(t *testing.T) {
	t.Parallel()
	cluster := brokertest.StartCluster(t)
	b := testbed.On(t, cluster.URL(), func(s *topology.Settings) { s.Replicas = 3 })
	b.Ask(3)
	cluster.Nodes[1].Stop()
	cluster.Nodes[2].Stop()
	for _, command := range []string{"status", "verify", "send 5", "setup --replicas=3"} {
		// The last node takes itself for the leader of this stream or that for some
		// seconds still, and answers for it.
		b.Eventually(func() bool {
			code, _, stderr := console(t, cluster.Nodes[0].URL(), append(strings.Fields(command), "--wait=3s")...)
			return code == exitFailed && strings.Contains(stderr, "console: ")
		}, command+" does not end, or is answered by a node that is alone")
	}
}

// A drain waits for a broker that is away as long as its own timeout says.
func TestDrainOutlastsAnAbsence(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	url := b.Broker.URL()
	b.Services()
	done(t, url, "pause", "requests")
	done(t, url, "send", "30")
	r := start(t, url, "drain", "--wait=1s")
	b.Eventually(func() bool { return strings.Contains(r.err.String(), "hops left") }, "it waits")
	b.Broker.Stop()
	code, _, stderr := console(t, url, "status", "--wait=2s") // longer than a drain would wait
	require.Equal(t, exitFailed, code, stderr)
	b.Broker.Restart()
	done(t, url, "resume", "requests")
	require.Equal(t, exitDone, <-r.ended, r.err.String())
	require.Contains(t, r.out.String(), "drained after")
}

// However a drain fails, its result says so, with what was seen last.
func TestDrain_ReportsFailureAsJSON(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testbed.Bed, *running) int{
		"timeout":     func(_ *testbed.Bed, r *running) int { return <-r.ended },
		"interrupted": func(_ *testbed.Bed, r *running) int { return r.interrupt() },
		"away":        func(b *testbed.Bed, r *running) int { b.Broker.Stop(); return <-r.ended },
		"no topology": func(b *testbed.Bed, r *running) int {
			_ = b.JS.DeleteStream(b.Context(), topology.Receipts)
			return <-r.ended
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := testbed.Start(t)
			done(t, b.Broker.URL(), "send", "7")
			r := start(t, b.Broker.URL(), "drain", "--json", "--timeout=4s")
			b.Eventually(func() bool { return strings.Contains(r.err.String(), "hops left") }, "it waits")
			require.Equal(t, exitFailed, end(b, r), r.err.String())
			var result drained
			require.NoError(t, json.Unmarshal([]byte(r.out.String()), &result), r.out.String())
			require.False(t, result.Drained)
			require.EqualValues(t, 7, result.Remains.Unfinished())
			require.NotEmpty(t, result.Why)
		})
	}
}

// Ctrl-C is how a watch ends. To any other command it is a failure, and named.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	url := b.Broker.URL()
	done(t, url, "send", "3")
	watch := start(t, url, "status", "--watch")
	b.Eventually(func() bool { return strings.Count(watch.out.String(), "QUEUE") >= 2 }, "it goes on")
	require.Equal(t, exitDone, watch.interrupt(), watch.err.String())
	require.Empty(t, watch.err.String())

	for _, command := range []string{"drain", "send 100000 --rate=50"} {
		r := start(t, url, strings.Fields(command)...)
		b.Eventually(func() bool { return r.err.String() != "" }, "it shows its progress")
		require.Equal(t, exitFailed, r.interrupt(), command)
		require.Contains(t, r.err.String(), "console: interrupted", command)
	}
}

// A reset that is interrupted leaves no queue paused.
func TestInterruptedReset(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	url := b.Broker.URL()
	done(t, url, "send", "3")
	consumer, err := b.JS.Consumer(b.Context(), topology.Requests, topology.Generator)
	require.NoError(t, err)
	batch, err := consumer.Fetch(2)
	require.NoError(t, err)
	for range batch.Messages() { // nobody works on them
	}
	r := start(t, url, "reset", "--yes")
	b.Eventually(func() bool { return strings.Contains(r.err.String(), "2 messages are delivered and not settled") }, "it waits")
	require.Equal(t, exitFailed, r.interrupt())
	require.Contains(t, r.err.String(), "console: interrupted")
	for _, queue := range decode[status.Status](t, url, "status").Queues {
		require.False(t, queue.Paused, queue.Queue)
	}
	require.EqualValues(t, 3, b.Messages(topology.Requests), "nothing was removed")
}

// When the queues cannot be resumed, that is not hidden behind the reason.
func TestReset_ReportsThatItCannotResume(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	url := b.Broker.URL()
	done(t, url, "send", "3")
	consumer, err := b.JS.Consumer(b.Context(), topology.Requests, topology.Generator)
	require.NoError(t, err)
	batch, err := consumer.Fetch(2)
	require.NoError(t, err)
	for range batch.Messages() { // nobody works on them
	}
	r := start(t, url, "reset", "--yes", "--wait=1s")
	b.Eventually(func() bool { return strings.Contains(r.err.String(), "2 messages are delivered and not settled") }, "it waits")
	b.Broker.Stop()
	require.Equal(t, exitFailed, <-r.ended)
	require.Contains(t, r.err.String(), "cannot reach the broker at "+url)
	for _, queue := range topology.QueueNames {
		require.Contains(t, r.err.String(), "console resume "+queue)
	}
}

// A redrive goes on when the broker is back, and each letter has its effect once.
func TestRedriveOverARestart(t *testing.T) {
	t.Parallel()
	const n = 200
	b := testbed.Start(t)
	url := b.Broker.URL()
	done(t, url, "send", "200")
	stop := b.Generator(generator.Options{Reject: 1})
	b.Eventually(func() bool { return b.Messages(topology.DeadLetters) == n }, "all are rejected")
	stop()
	r := start(t, url, "dead", "redrive", "--all")
	b.Eventually(func() bool { return b.Messages(topology.Requests) > 0 }, "it has begun")
	b.Broker.Restart()
	require.Equal(t, exitDone, <-r.ended, r.err.String())
	require.Contains(t, r.out.String(), "redriven: 200")
	b.Services()
	done(t, url, "drain")
	require.EqualValues(t, n, decode[verify.Verdict](t, url, "verify").Complete)
}

// A command ends when nothing succeeds for as long as --wait says, although the
// broker answers all the time.
func TestWait_EndsWhatIsRefusedAllTheTime(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t, func(s *topology.Settings) { s.MaxBytes = 256 << 10 })
	for full := false; !full; {
		_, err := b.JS.Publish(b.Context(), topology.SubjectRequest, make([]byte, 64))
		full = err != nil
	}
	code, stdout, stderr := console(t, b.Broker.URL(), "send", "5", "--wait=2s")
	require.Equal(t, exitFailed, code, stdout)
	require.Contains(t, stderr, "no success with the broker at "+b.Broker.URL()+" for 2s (--wait)")
	require.Contains(t, stderr, "maximum bytes exceeded")
}

// A command that goes on succeeding may take longer than --wait in all, whatever it
// waits for itself.
func TestWait_DoesNotEndWhatGoesOn(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	require.Contains(t, done(t, b.Broker.URL(), "send", "3", "--rate=1", "--wait=500ms"), "sent 3 requests")
	watch := start(t, b.Broker.URL(), "status", "--watch", "--wait=500ms")
	b.Eventually(func() bool { return strings.Count(watch.out.String(), "QUEUE") >= 2 || watch.err.String() != "" }, "it goes on")
	require.Equal(t, exitDone, watch.interrupt(), watch.err.String())
	require.Empty(t, watch.err.String())
}

// What can never succeed ends a command at once, however long it may wait.
func TestPermanentErrorsEndEveryCommandAtOnce(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t, func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "operator", Password: "operator"},
			{Username: "nobody", Password: "nobody", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"$JS.>", "status.>", "strings.>"}}}},
		}
		o.NoAuthUser = "operator"
	})
	b := testbed.On(t, broker.URL())
	b.Ask(1)
	for _, command := range []string{
		"setup", "setup --update", "status", "status --watch", "send 5", "send --malformed", "drain --timeout=10m", "verify",
		"dead list", "dead show 1", "dead redrive --all", "dead discard 1-9f3a21c4", "pause requests", "resume requests",
		"reset --yes --timeout=10m", "trace " + contract.NewID(),
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			r := start(t, broker.URL(), append(strings.Fields(command), "--wait=10m", "--nats-user=nobody", "--nats-password=nobody")...)
			select {
			case code := <-r.ended:
				require.Equal(t, exitFailed, code)
				require.Contains(t, strings.ToLower(r.err.String()), "permissions violation")
			case <-time.After(30 * time.Second):
				r.stop(nil)
				require.FailNow(t, "it waits", r.err.String())
			}
		})
	}
}
