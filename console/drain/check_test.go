package drain

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each wrong way of checking is wrong in one concrete case, in which Check is
// right. The streams are read as REQUESTS 0, RESPONSES 1, RECEIPTS 2, letters 3,
// and again as 4 to 7; backwards the queues the other way round.
func TestWrongWaysOfChecking(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		check  checker
		start  []event         // before the check
		before map[int][]event // before the reading of that number
	}{
		{
			name: "one pass backwards misses a message that moves forward", check: backwards,
			start:  []event{publish(0)},
			before: map[int][]event{2: {move(0, 0)}},
		},
		{
			name: "one pass forward misses a message that is redriven", check: forwards,
			start:  []event{publish(0), setAside(0, 0)},
			before: map[int][]event{1: {redrive(0, 0)}},
		},
		{
			name: "two passes without the sequences miss messages that follow each other", check: withoutLastSeq,
			start: []event{publish(0), move(0, 0)},
			before: map[int][]event{
				1: {publish(1), move(0, 1)},
				2: {move(0, 2)},
				4: {move(1, 0)},
				5: {publish(2), move(1, 1)},
				6: {move(1, 2)},
			},
		},
		{
			name: "two passes without the time of making miss a stream that was made anew", check: withoutCreated,
			start: []event{publish(0), move(0, 0)},
			before: map[int][]event{
				1: {remake(0), publish(1), move(0, 1)},
				2: {move(0, 2)},
				4: {remake(1), move(1, 0)},
				5: {publish(2), remake(2), move(1, 1)},
				6: {move(1, 2)},
			},
		},
		{
			name: "two passes without the letters count wrong what was set aside", check: withoutLetters,
			start:  []event{publish(0), setAside(0, 0)},
			before: map[int][]event{5: {redrive(0, 0)}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			run := func(check checker) (bool, Snapshot, *world) {
				w := newWorld(3)
				for _, e := range test.start {
					w.happen(e)
				}
				clear(w.moments[:]) // they were before the check began
				drained, snapshot := w.run(check, func(reading int) {
					for _, e := range test.before[reading] {
						w.happen(e)
					}
				})
				return drained, snapshot, w
			}
			drained, snapshot, w := run(test.check)
			require.True(t, drained, "this way is not fooled: %s", w.tell())
			require.False(t, w.truth(snapshot), "this way is right: %s", w.tell())

			if test.name == "one pass backwards misses a message that moves forward" {
				return // Check reads in another order, in which this case says nothing
			}
			drained, _, w = run(check)
			require.False(t, drained, "Check is wrong: %s", w.tell())
		})
	}
}

// Whatever moves between two readings, forward, aside or back: when Check says
// that all queues were empty together, they were, with as many letters as it
// says. Tried are all the ways in which a few messages can move.
func TestCheckIsNeverWrong(t *testing.T) {
	t.Parallel()
	for _, start := range starts {
		t.Run(start.name, func(t *testing.T) {
			t.Parallel()
			drained := 0
			try := func(events int, k kinds) {
				explore(events, func(c *choices) {
					w := start.world()
					if yes, snapshot := w.run(check, c.events(w, k)); yes {
						drained++
						require.True(t, w.truth(snapshot), "Check is wrong: %s", w.tell())
					}
				})
			}
			try(4, kinds{asking: true, aside: true, redriving: true})
			try(3, kinds{asking: true, aside: true, redriving: true, repeating: true, remaking: true})
			require.Positive(t, drained, "the model never drains")
		})
	}
}

// The same, with more messages and more moves, at random.
func TestCheckIsNeverWrongAtRandom(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	drained := 0
	for range 50_000 {
		w := newWorld(6)
		w.happen(publish(0))
		w.happen(publish(1))
		clear(w.moments[:])
		k := kinds{
			asking: random.IntN(2) == 0, aside: random.IntN(2) == 0, redriving: random.IntN(2) == 0,
			repeating: random.IntN(2) == 0, remaking: random.IntN(4) == 0,
		}
		busy := random.IntN(6)
		yes, snapshot := w.run(check, func(int) {
			for range random.IntN(busy + 1) {
				if possible := w.possible(k); len(possible) > 0 {
					w.happen(possible[random.IntN(len(possible))])
				}
			}
		})
		if yes {
			drained++
			require.True(t, w.truth(snapshot), "Check is wrong: %s", w.tell())
		}
	}
	require.Positive(t, drained, "the model never drains")
}

// The search that finds nothing wrong with Check finds what is wrong with each
// of the other ways.
func TestTheSearchFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		check checker
		kinds kinds
		moves int
	}{
		{"backwards", backwards, kinds{}, 1},
		{"forwards, with redrive", forwards, kinds{redriving: true}, 1},
		{"without the sequences", withoutLastSeq, kinds{asking: true}, 8},
		{"without the sequences, with redrive", withoutLastSeq, kinds{aside: true, redriving: true}, 3},
		{"without the letters", withoutLetters, kinds{aside: true, redriving: true}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var wrong string
			for _, start := range starts {
				if wrong != "" {
					break
				}
				explore(test.moves, func(c *choices) {
					w := start.world()
					if yes, snapshot := w.run(test.check, c.events(w, test.kinds)); yes && !w.truth(snapshot) {
						wrong = w.tell()
						c.stop()
					}
				})
			}
			require.NotEmpty(t, wrong, "the search is blind to what is wrong with this way")
			t.Log(wrong)
		})
	}
}

// One pass forward is sound when nothing is redriven: what was asked before it
// is finished after it, or among the letters.
func TestOnePassForwardIsSoundWithoutRedrive(t *testing.T) {
	t.Parallel()
	for _, start := range starts {
		explore(5, func(c *choices) {
			w := start.world()
			before := len(w.streams[dead].messages)
			asked := 0
			for _, yes := range w.asked {
				if yes {
					asked++
				}
			}
			if yes, snapshot := w.run(forwards, c.events(w, kinds{asking: true, aside: true})); yes {
				finished := 0
				for r := range asked { // the first ones
					if w.finished[r] {
						finished++
					}
				}
				require.GreaterOrEqual(t, finished+int(snapshot.DeadLetters()), asked, "%s (with %d letters before)", w.tell(), before)
			}
		})
	}
}
