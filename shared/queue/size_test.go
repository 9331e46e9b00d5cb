package queue

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSizeIsOneAsLongAsNothingIsKnown(t *testing.T) {
	t.Parallel()
	var s size
	s.waiting(1_000_000)
	require.Equal(t, 1, s.next())
}

func TestSizeIsWhatTheHandlerCanDoInTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		message time.Duration
		pending uint64
		size    int
	}{
		{time.Nanosecond, 1_000_000, 1000},        // as fast as it may be
		{100 * time.Microsecond, 1_000_000, 1000}, // 2500 would take a quarter of a second
		{time.Millisecond, 1_000_000, 250},        // a quarter of a second
		{100 * time.Millisecond, 1_000_000, 2},    // so is this
		{time.Second, 1_000_000, 1},               // never none
		{time.Hour, 1_000_000, 1},                 //
		{time.Millisecond, 3200, 200},             // a sixteenth of what is waiting
		{5 * time.Millisecond, 640, 40},           // so is this
		{5 * time.Millisecond, 0, 20},             // nothing is waiting: 100 ms of work
		{time.Millisecond, 0, 100},                //
		{10 * time.Microsecond, 0, 1000},          //
		{60 * time.Millisecond, 0, 1},             //
		{100 * time.Millisecond, 16, 1},           //
		{time.Nanosecond, 1<<64 - 1, 1000},        // no overflow
	} {
		var s size
		s.handled(10, 10*c.message)
		s.waiting(c.pending)
		require.Equal(t, c.size, s.next(), "%s a message, %d waiting", c.message, c.pending)
	}
}

func TestSizeFallsAtOnceAndGrowsLittleByLittle(t *testing.T) {
	t.Parallel()
	var s size
	s.waiting(1_000_000)
	s.handled(1, time.Millisecond)
	require.Equal(t, 250, s.next())
	s.handled(1, 10*time.Millisecond)
	require.Equal(t, 25, s.next(), "slower counts at once")
	grown := []int{}
	for range 30 {
		s.handled(1, time.Millisecond)
		grown = append(grown, s.next())
	}
	require.IsIncreasing(t, grown[:10])
	require.Less(t, grown[0], 40)
	require.InDelta(t, 250, grown[29], 5)
}

func TestSizeOfAHandlerThatTakesNoTime(t *testing.T) {
	t.Parallel()
	var s size
	s.handled(1000, 0) // clocks are coarse
	s.waiting(100_000)
	require.Equal(t, 1000, s.next())
}

func TestSize_IsOneWhileMessagesComeOneAtATime(t *testing.T) {
	t.Parallel()
	var s size
	s.handled(1, time.Microsecond)
	require.Equal(t, 1, s.next())
	s.waiting(1)
	require.Equal(t, 1000, s.next(), "more are waiting")
	s.waiting(0)
	s.handled(2, time.Microsecond)
	require.Equal(t, 1000, s.next(), "two came together")
}
