package reset_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/deadletter"
	"decoupled.example/console/drain"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/console/pause"
	"decoupled.example/console/reset"
	"decoupled.example/console/verify"
	"decoupled.example/requestor"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

const within = 30 * time.Second

// run resets, and calls meanwhile once while the reset waits for what is in hand.
func run(b *testbed.Bed, within time.Duration, meanwhile func()) error {
	var once sync.Once
	return reset.Run(b.Context(), b.Conn, b.JS, within, func(string) {
		if meanwhile != nil {
			once.Do(meanwhile)
		}
	})
}

// take has n requests delivered, and returns them: nobody works on them.
func take(t *testing.T, b *testbed.Bed, n int) (taken []interface{ Ack() error }) {
	t.Helper()
	c, err := b.JS.Consumer(b.Context(), topology.Requests, topology.Generator)
	require.NoError(t, err)
	batch, err := c.Fetch(n)
	require.NoError(t, err)
	for m := range batch.Messages() {
		taken = append(taken, m)
	}
	require.Len(t, taken, n)
	return taken
}

func requireFlowing(t *testing.T, b *testbed.Bed) {
	t.Helper()
	for _, queue := range topology.QueueNames {
		left, err := pause.Remaining(b.Context(), b.JS, queue)
		require.NoError(t, err)
		require.Zero(t, left, "%s is paused", queue)
	}
}

func streams(t *testing.T) (names []string) {
	t.Helper()
	all, err := topology.Streams(topology.Settings{})
	require.NoError(t, err)
	for _, config := range all {
		names = append(names, config.Name)
	}
	return names
}

func TestResetEmptiesAll(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.PlantDead(2)
	stop := b.Services()
	b.Ask(20)
	require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
	stop()
	b.Ask(3)
	require.NoError(t, run(b, within, nil))
	for _, name := range streams(t) {
		require.Zero(t, b.Messages(name), name)
	}
	requireFlowing(t, b)
	require.NoError(t, run(b, within, nil), "it may be repeated")

	b.Services()
	b.Ask(5)
	require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
	verdict, err := verify.Run(b.Context(), b.JS, b.Topology, nil)
	require.NoError(t, err)
	require.Equal(t, verify.Verdict{Asked: 5, Generated: 5, Stored: 5, Received: 5, Complete: 5}, verdict)
}

// Whatever the difference of the clocks, the queues are paused while a reset
// empties them, and flow afterwards.
func TestRun_PausesByTheBrokersClock(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"ahead": 2 * time.Hour, "behind": -2 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := testbed.StartShifted(t, ahead)
			b.Ask(3)
			take(t, b, 2)
			require.NoError(t, run(b, within, func() {
				for _, queue := range topology.QueueNames {
					left, err := pause.Remaining(b.Context(), b.JS, queue)
					require.NoError(t, err)
					require.InDelta(t, time.Minute+within, left, float64(30*time.Second), queue)
				}
			}))
			require.Zero(t, b.Messages(topology.Requests))
			requireFlowing(t, b)
		})
	}
}

// What was delivered to who is gone does not come back, and is removed.
func TestRun_WithMessagesOfDeadReplicas(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Ask(5)
	take(t, b, 3)
	require.NoError(t, run(b, within, nil))
	require.Zero(t, b.Messages(topology.Requests))
	requireFlowing(t, b)
}

func TestResetIsRefusedWhileRequestorsAsk(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Requestor(requestor.Options{Rate: 0.01})
	b.Requestor(requestor.Options{Rate: 0.01})
	b.Eventually(func() bool { return b.Messages("KV_"+topology.Asked) == 2 }, "both ask")
	err := run(b, within, nil)
	require.ErrorIs(t, err, reset.ErrAsking)
	require.Regexp(t, `a rate of 0: requestor \w+ on \S+, requestor \w+ on \S+$`, err.Error())
	require.EqualValues(t, 2, b.Messages(topology.Requests), "nothing was removed")
	requireFlowing(t, b)
}

// Who asks and is no requestor is told by what arrives.
func TestResetIsRefusedWhileRequestsArrive(t *testing.T) {
	t.Parallel()
	for name, arrive := range map[string]func(t *testing.T, b *testbed.Bed){
		"sent": func(_ *testing.T, b *testbed.Bed) { b.Ask(1) },
		"redriven": func(t *testing.T, b *testbed.Bed) {
			dead, err := deadletter.Open(b.Context(), b.JS)
			require.NoError(t, err)
			letter, err := dead.Get(b.Context(), 1)
			require.NoError(t, err)
			require.NoError(t, dead.Redrive(b.Context(), letter))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := testbed.Start(t)
			b.PlantDead(1)
			b.Ask(1)
			take(t, b, 1)
			err := run(b, within, func() { arrive(t, b) })
			require.ErrorIs(t, err, reset.ErrAsking)
			require.ErrorContains(t, err, "1 came while the queues were paused")
			require.EqualValues(t, 2, b.Messages(topology.Requests), "nothing was removed")
			requireFlowing(t, b)
		})
	}
}

// replica answers as a generator does whose work in hand the test decides.
type replica struct {
	mu     sync.Mutex
	answer func(question int) (inHand int64, answers bool)
	asked  int
}

func startReplica(t *testing.T, b *testbed.Bed, answer func(question int) (int64, bool)) {
	t.Helper()
	r := &replica{answer: answer}
	conn := b.Broker.Connect()
	_, err := conn.Subscribe(service.StatusSubject(topology.Generator), func(m *nats.Msg) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.asked++
		inHand, answers := r.answer(r.asked)
		if !answers {
			return
		}
		text, err := json.Marshal(service.Status{
			Service: topology.Generator, Instance: "the-one", Host: "here", Counts: map[string]int64{service.CountInFlight: inHand},
		})
		if err == nil {
			_ = m.Respond(text)
		}
	})
	require.NoError(t, err)
	require.NoError(t, conn.Flush())
}

// A replica that the pause meets in the middle of a batch waits for the rest, and
// counts what it has only after that. It is not taken for idle meanwhile: what it
// then publishes is removed too.
func TestWorkThatIsNotCountedYetIsWaitedFor(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Ask(1)
	taken := take(t, b, 1)[0]
	var once sync.Once
	work := func() {
		once.Do(func() {
			_, err := b.JS.Publish(b.Context(), topology.SubjectResponse, []byte("old"))
			require.NoError(t, err)
			require.NoError(t, taken.Ack())
		})
	}
	var paused time.Time
	counted := 0
	startReplica(t, b, func(question int) (int64, bool) {
		if question == 2 { // the first one asks before the pause
			paused = time.Now()
		}
		if time.Since(paused) < 2400*time.Millisecond || question == 1 { // a busy replica may take longer than its second
			return 0, true
		}
		if counted++; counted <= 2 {
			return 1, true
		}
		work()
		return 0, true
	})
	require.NoError(t, run(b, within, nil))
	work() // unless it is done
	require.Zero(t, b.Messages(topology.Responses), "old work after the reset")
}

// A replica that has answered and is silent then may have anything in hand.
func TestSilentReplicaIsNotTakenForIdle(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Ask(1)
	take(t, b, 1)
	startReplica(t, b, func(question int) (int64, bool) { return 0, question == 1 })
	err := run(b, 5*time.Second, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "generator the-one on here no longer answers")
	require.EqualValues(t, 1, b.Messages(topology.Requests), "nothing was removed")
	requireFlowing(t, b)
}

// What an operator has paused for long stays paused, as everything else that is
// configured.
func TestResetLeavesPausedWhatWasPaused(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Ask(2)
	require.NoError(t, pause.Queue(b.Context(), b.JS, topology.Requests, pause.Forever))
	require.NoError(t, pause.Queue(b.Context(), b.JS, topology.Receipts, time.Minute))
	require.NoError(t, run(b, within, nil))
	require.Zero(t, b.Messages(topology.Requests))
	for queue, stays := range map[string]bool{topology.Requests: true, topology.Responses: false, topology.Receipts: false} {
		left, err := pause.Remaining(b.Context(), b.JS, queue)
		require.NoError(t, err)
		require.Equal(t, stays, left > 24*time.Hour, queue)
		require.Equal(t, stays, left > 0, queue)
	}
}

func TestResetGoesOnWhenTheBrokerIsBack(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Ask(3)
	take(t, b, 2)
	require.NoError(t, run(b, within, b.Broker.Restart))
	require.Zero(t, b.Messages(topology.Requests))
	requireFlowing(t, b)
}

// Where nobody can resume the queues, the error says what is paused, until when,
// and what to do; and the pause ends by itself.
func TestBrokerThatDiesInAReset(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Ask(3)
	take(t, b, 2)
	begun := time.Now()
	err := run(b, 3*time.Second, b.Broker.Stop)
	require.ErrorIs(t, err, nats.ErrDisconnected)
	b.Broker.Restart()
	for _, queue := range topology.QueueNames {
		require.ErrorContains(t, err, "or with `console resume "+queue+"`")
		var left time.Duration
		b.Eventually(func() bool {
			var err error
			left, err = pause.Remaining(b.Context(), b.JS, queue)
			return err == nil && left > 0
		}, "it is paused")
		require.InDelta(t, time.Minute, left+time.Since(begun), float64(30*time.Second))
	}
	require.EqualValues(t, 3, b.Messages(topology.Requests), "nothing was removed")
	require.NoError(t, run(b, within, nil), "repeated, it leaves nothing paused")
	requireFlowing(t, b)
}
