package drain

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestArrivalsAreThoseOfLate(t *testing.T) {
	t.Parallel()
	var a arrivals
	require.Zero(t, a.rate(), "nothing was read")

	begun := time.Unix(0, 0)
	at := func(second int, last uint64) {
		a.note(State{LastSeq: last, Created: begun}, begun.Add(time.Duration(second)*time.Second))
	}
	at(0, 100)
	require.Zero(t, a.rate(), "read once")
	for second := range 4 {
		at(second+1, 100+12*uint64(second+1))
	}
	require.InDelta(t, 12, a.rate(), 0.01)
	for second := 5; second <= 30; second++ { // nobody asks any more
		at(second, 148)
	}
	require.Zero(t, a.rate(), "what came long ago does not keep arriving")

	a.note(State{LastSeq: 3, Created: begun.Add(time.Hour)}, begun.Add(31*time.Second))
	require.Zero(t, a.rate(), "a queue made anew counts from 1 again")
	a.note(State{LastSeq: 5, Created: begun.Add(time.Hour)}, begun.Add(32*time.Second))
	require.InDelta(t, 2, a.rate(), 0.01)

	a.note(State{LastSeq: 1, Created: begun.Add(time.Hour)}, begun.Add(33*time.Second))
	require.Zero(t, a.rate(), "a broker that lost what it had not synced counts from before")
}
