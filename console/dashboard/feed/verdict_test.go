package feed

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/depth"
	"decoupled.example/console/drain"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/console/status"
	"decoupled.example/generator"
	"decoupled.example/requestor"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/topology"
)

// seen is a reading: asked, received, letters now and ever, and for each queue
// how many it holds and has ever stored.
func seen(asked, received, dead, deadEver uint64, queues ...[2]uint64) reading {
	r := reading{
		begun:  [4]begun{{created: 1}},
		Status: status.Status{Ledgers: map[string]uint64{topology.Asked: asked, topology.Received: received}, DeadLetters: dead},
	}
	for i, q := range queues {
		r.Queues = append(r.Queues, depth.Depth{Messages: q[0]})
		r.pass = append(r.pass, drain.State{Stream: topology.QueueNames[i], Messages: q[0], LastSeq: q[1]})
	}
	r.pass = append(r.pass, drain.State{Stream: topology.DeadLetters, Messages: dead, LastSeq: deadEver})
	return r
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	empty := [][2]uint64{{0, 10}, {0, 10}, {0, 10}}
	busy := [][2]uint64{{3, 10}, {2, 10}, {0, 10}}
	anew := seen(0, 0, 0, 0, empty...)
	anew.begun[3].after = 10
	const known = 5 // lost, by the last verdict
	for name, test := range map[string]struct {
		before, now reading
		lost        uint64
		settled     bool
	}{
		"all is finished":                     {seen(10, 10, 0, 0, empty...), seen(10, 10, 0, 0, empty...), 0, true},
		"two are missing":                     {seen(10, 8, 0, 0, empty...), seen(10, 8, 0, 0, empty...), 2, true},
		"two are dead letters":                {seen(10, 8, 2, 2, empty...), seen(10, 8, 2, 2, empty...), 0, true},
		"recovered: more received than asked": {seen(10, 11, 0, 0, empty...), seen(10, 11, 0, 0, empty...), 0, true},
		"a queue was not empty before":        {seen(10, 8, 0, 0, [2]uint64{1, 10}, empty[1], empty[2]), seen(10, 10, 0, 0, empty...), known, false},
		"one passed between":                  {seen(10, 9, 0, 0, empty...), seen(11, 10, 0, 0, [2]uint64{0, 11}, empty[1], empty[2]), known, false},
		"more is missing than is on its way":  {seen(10, 0, 0, 0, busy...), seen(20, 4, 2, 2, busy...), 9, false},
		"what is on its way hides some":       {seen(10, 4, 0, 0, busy...), seen(10, 4, 0, 0, busy...), known, false},
		"a letter was redriven between":       {seen(20, 9, 1, 1, empty...), seen(20, 9, 0, 1, empty...), known, false},
		"redriven, and another dead-lettered": {seen(20, 9, 1, 1, empty...), seen(20, 9, 1, 2, empty...), known, false},
		"the first reading":                   {reading{}, seen(10, 8, 0, 0, empty...), 0, false},
		"a reset between":                     {seen(10, 8, 0, 0, empty...), anew, 0, false},
	} {
		v := verdict(test.before, test.now, Verdict{Lost: known})
		require.Equal(t, test.lost, v.Lost, name)
		require.Equal(t, test.settled, v.Drained, name)
	}
}

// Traffic neither hides a loss for long nor makes one up.
func TestALossUnderTrafficShows(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	f := patient(b)
	b.Generator(generator.Options{})
	stop := b.Requestor(requestor.Options{Rate: 100})
	round := func() Verdict {
		f.round(b.Context())
		require.NoError(t, f.latest.Trouble)
		return f.latest.Verdict
	}
	b.Eventually(func() bool {
		require.Zero(t, round().Lost)
		return f.latest.Status.Ledgers[topology.Received] > 50
	}, "they are answered")
	b.Keep(topology.Asked, entries(1000)...)
	b.Eventually(func() bool {
		v := round()
		require.False(t, v.Drained)
		return v.Lost > 0
	}, "it shows while requests pass")
	stop()
	b.Requestor(requestor.Options{})
	b.Eventually(func() bool { return round().Drained }, "nothing is on its way")
	require.EqualValues(t, 1000, f.latest.Verdict.Lost)
}

// What a ledger forgets is neither lost nor uncounted, and no reset.
func TestWhatExpiresIsNoLoss(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t, func(s *topology.Settings) { s.Keep = time.Second })
	f := patient(b)
	b.Services()
	asked := 0
	for forgotten := 0; forgotten < 3; {
		asked += len(b.Ask(5))
		b.Eventually(func() bool {
			f.round(b.Context())
			require.NoError(t, f.latest.Trouble)
			require.Zero(t, f.latest.Verdict.Lost)
			require.EqualValues(t, asked, f.latest.Status.Ledgers[topology.Asked])
			return f.latest.Verdict.Drained
		}, "all are answered")
		require.EqualValues(t, asked, f.latest.Status.Ledgers[topology.Received])
		if b.Messages("KV_"+topology.Asked) < uint64(asked) {
			forgotten++
		}
	}
	b.Eventually(func() bool {
		f.round(b.Context())
		require.Zero(t, f.latest.Verdict.Lost)
		return b.Messages("KV_"+topology.Asked) == 0
	}, "all are forgotten")
	require.Equal(t, [4]uint64{uint64(asked), uint64(asked), uint64(asked), uint64(asked)}, f.latest.History[len(f.latest.History)-1].Ledgers)
	require.Greater(t, len(f.latest.History), 6, "the chart goes on")
}

// entries are n that nobody has asked for.
func entries(n int) []ledger.Entry {
	all := make([]ledger.Entry, n)
	for i := range all {
		all[i] = ledger.Entry{ID: contract.NewID(), Value: []byte("{}")}
	}
	return all
}
