package feed

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/deadletter"
	"decoupled.example/console/drain"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/console/reset"
	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/topology"
)

// patient is a feed that waits for the answers of a busy machine.
func patient(b *testbed.Bed) *Feed {
	f := New(b.JS)
	f.within = time.Minute
	return f
}

func TestRun_ReadsACompleteSnapshot(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	f := patient(b)
	f.round(b.Context())
	require.NoError(t, f.latest.Trouble)
	require.Empty(t, f.latest.Requests)
	require.Zero(t, f.latest.Latency)

	asked := b.Ask(50)
	f.round(b.Context())
	require.Equal(t, Verdict{Outstanding: 50}, f.latest.Verdict)
	require.Positive(t, f.latest.Rates.Queues[topology.Requests].In)
	require.Zero(t, f.latest.Rates.Queues[topology.Requests].Out)
	require.Positive(t, f.latest.Rates.Ledgers[topology.Asked])
	require.Len(t, f.latest.Requests, newest)
	require.Equal(t, asked[49].ID, f.latest.Requests[0].ID, "the newest first")
	require.False(t, f.latest.Requests[0].Finished())
	require.Equal(t, [3]uint64{50, 0, 0}, f.latest.History[1].Depths)

	b.Services()
	b.Eventually(func() bool {
		f.round(b.Context())
		return f.latest.Verdict == Verdict{Drained: true} && f.latest.Latency.Requests == newest && f.latest.Status.Ledgers[topology.Received] == 50 &&
			f.latest.Status.Alive(topology.Generator) == 1
	}, "all is finished, and who did it is seen")
	for _, r := range f.latest.Requests {
		require.True(t, r.Finished())
	}
	require.Positive(t, f.latest.Latency.Whole.P50)
	require.GreaterOrEqual(t, f.latest.Latency.Whole.P99, f.latest.Latency.Hops[0].P99)
}

func TestWhatWasPublishedIsNotChanged(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	f := patient(b)
	b.Ask(1)
	f.round(b.Context())
	published := f.latest
	b.Services()
	b.Eventually(func() bool {
		f.round(b.Context())
		return f.latest.Latency.Requests == 1
	}, "it is finished")
	require.False(t, published.Requests[0].Finished())
	require.Len(t, published.History, 1)
}

func TestRun_ReadsTheNewestDead(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	f := patient(b)
	ids := b.PlantDead(shownLetters + 2)
	f.round(b.Context())
	require.Len(t, f.latest.DeadLetters, shownLetters)
	require.Equal(t, ids[len(ids)-1], f.latest.DeadLetters[0].RequestID)
	require.EqualValues(t, len(ids), f.latest.Verdict.DeadLetters)

	dead, err := deadletter.Open(b.Context(), b.JS)
	require.NoError(t, err)
	for letter, err := range dead.All(b.Context()) {
		require.NoError(t, err)
		require.NoError(t, dead.Discard(b.Context(), letter))
	}
	f.round(b.Context())
	f.round(b.Context()) // no letter has gone since the one before
	require.Empty(t, f.latest.DeadLetters)
	require.EqualValues(t, len(ids), f.latest.Verdict.Lost, "who discards the letters has lost the requests")
}

// Also those whose letters are long not the newest any more: they would take the
// places of others.
func TestRequests_StopsFollowingDeadRequests(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	f := patient(b)
	ids := b.PlantDead(shownLetters + 3)
	f.round(b.Context()) // reads the newest letters,
	require.Len(t, f.requests.followed, len(ids))
	f.round(b.Context()) // and then looks for the requests'
	require.Empty(t, f.requests.followed)
	require.Len(t, f.latest.Requests, len(ids))
	for _, r := range f.latest.Requests {
		require.True(t, r.Dead, r.ID)
	}
	dead, err := deadletter.Open(b.Context(), b.JS)
	require.NoError(t, err)
	oldest, err := dead.Get(b.Context(), 1)
	require.NoError(t, err)
	require.NoError(t, dead.Discard(b.Context(), oldest))
	f.round(b.Context())
	f.round(b.Context())
	require.False(t, f.latest.Requests[len(ids)-1].Dead)
	require.True(t, f.latest.Requests[0].Dead)
}

// No round asks as much as twenty questions, whatever there is to be seen.
func TestTheBrokerIsAskedLessThanTwentyTimesARound(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.PlantDead(shownLetters)
	b.Services()
	f := patient(b)
	dead, err := deadletter.Open(b.Context(), b.JS)
	require.NoError(t, err)
	discard := func(sequence uint64) {
		letter, err := dead.Get(b.Context(), sequence)
		require.NoError(t, err)
		require.NoError(t, dead.Discard(b.Context(), letter))
	}
	for i := range 8 {
		switch i {
		case 1:
			b.Ask(1000)
		case 2, 5, 6, 7: // requests and letters come faster than they can be looked at
			b.Ask(100)
			b.PublishUnreadable(topology.SubjectRequest, contract.NewID())
			b.Eventually(func() bool { return b.Messages(topology.DeadLetters) > shownLetters }, "it is dead-lettered")
		case 3: // there are letters, and none among the last numbers
			discard(10)
			_, err := b.JS.Publish(b.Context(), "dead.REQUESTS.unknown", nil)
			require.NoError(t, err)
			discard(11)
		}
		before := b.Conn.Stats().OutMsgs
		f.round(b.Context())
		require.NoError(t, f.latest.Trouble)
		require.Less(t, b.Conn.Stats().OutMsgs-before, uint64(20))
	}
}

func TestRun_ShowsTheLastReadingDuringAnOutage(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	f := patient(b)
	b.Ask(3)
	f.round(b.Context())
	b.Broker.Stop()
	b.Eventually(func() bool { return !b.Conn.IsConnected() }, "the connection is lost")
	f.round(b.Context())
	require.ErrorIs(t, f.latest.Trouble, nats.ErrDisconnected)
	lost := f.latest.Lost
	require.False(t, lost.IsZero())
	require.EqualValues(t, 3, f.latest.Verdict.Outstanding)
	f.round(b.Context())
	require.Equal(t, lost, f.latest.Lost, "since it was lost, not since it was asked last")
	b.Broker.Restart()
	b.Eventually(func() bool { f.round(b.Context()); return f.latest.Trouble == nil }, "it answers again")
	require.EqualValues(t, 3, f.latest.Verdict.Outstanding)
}

func TestRun_ReportsAMissingTopology(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	require.NoError(t, b.JS.DeleteStream(b.Context(), topology.Receipts))
	f := patient(b)
	f.round(b.Context())
	require.ErrorContains(t, f.latest.Trouble, "run setup")
	require.ErrorIs(t, f.latest.Trouble, jetstream.ErrStreamNotFound)
}

func TestADeniedPermissionIsNamed(t *testing.T) {
	t.Parallel()
	_, limited := testbed.StartLimited(t, "$JS.API.STREAM.INFO.RECEIPTS")
	f := New(limited)
	f.round(t.Context())
	require.ErrorIs(t, f.latest.Trouble, nats.ErrPermissionViolation)
}

// Of what is slow nothing is forgotten for what comes after it: that would make
// the rest look fast.
func TestTheSlowOnesAreFollowedToTheirEnd(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	f := patient(b)
	var first []string
	for range 2 * atOnce / newest {
		for _, r := range b.Ask(newest) {
			first = append(first, r.ID)
		}
		f.round(b.Context())
	}
	require.Len(t, f.requests.followed, atOnce)
	b.Services()
	b.Eventually(func() bool {
		f.round(b.Context())
		return len(f.requests.finished) >= atOnce
	}, "they are finished")
	for i, r := range f.requests.finished[:atOnce] {
		require.Contains(t, first[:atOnce], r.ID, i)
	}
}

func TestRun_StartsAgainAfterAReset(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	f := patient(b)
	b.Keep(topology.Asked, ledger.Entry{ID: "one"}, ledger.Entry{ID: "two"})
	f.round(b.Context())
	f.round(b.Context())
	require.EqualValues(t, 2, f.latest.Verdict.Lost, "asked, and nowhere")
	require.NoError(t, reset.Run(b.Context(), b.Conn, b.JS, time.Minute, func(string) {}))
	f.round(b.Context())
	require.Equal(t, Verdict{}, f.latest.Verdict)
	require.Zero(t, f.latest.Status.Ledgers[topology.Asked])
	require.Empty(t, f.latest.Requests)
	require.Empty(t, f.requests.followed)
	require.Len(t, f.latest.History, 1, "what was before says nothing any more")
}

func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	var points []Point
	begun := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 2000 {
		points = remember(points, Point{At: begun.Add(time.Duration(i) * time.Second)})
	}
	require.Len(t, points, 901)
	require.Equal(t, begun.Add(1999*time.Second), points[900].At)
}

// As many requests as are followed at most are more than one question takes where
// max_payload is as small as setup allows.
func TestASmallMaxPayloadHidesNothing(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t, func(o *server.Options) { o.MaxPayload = 16 << 10 })
	b := testbed.On(t, broker.URL())
	f := patient(b)
	for range atOnce / newest {
		b.Ask(newest)
		f.round(b.Context())
		require.NoError(t, f.latest.Trouble)
	}
	require.Len(t, f.requests.followed, atOnce)
	dead := b.PlantDead(1)[0]
	b.Eventually(func() bool {
		f.round(b.Context())
		return f.latest.Trouble != nil || f.latest.Requests[0].Dead
	}, "the dead one is marked")
	require.NoError(t, f.latest.Trouble)
	require.Equal(t, dead, f.latest.Requests[0].ID)
}

// What was finished lately is known by the broker's clock, whatever the reader's says.
func TestFeed_IsByTheBrokersClock(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"ahead": 2 * time.Hour, "behind": -2 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := testbed.StartShifted(t, ahead)
			f := patient(b)
			b.Ask(5)
			f.round(b.Context())
			require.NoError(t, f.latest.Trouble)
			require.Len(t, f.requests.followed, 5, "they were asked just now")
			b.Services()
			require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
			f.round(b.Context())
			require.Equal(t, 5, f.latest.Latency.Requests, "they were finished just now")

			b.Later(2 * time.Minute)
			f = New(b.JS)
			f.within = time.Minute
			f.round(b.Context())
			require.Len(t, f.requests.finished, 5)
			require.Zero(t, f.latest.Latency.Requests, "that was long ago")
		})
	}
}
