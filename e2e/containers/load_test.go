package containers_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/requestor"
	"decoupled.example/shared/topology"
)

// load asks all the time, as a requestor does.
type load struct {
	t     *testing.T
	end   chan struct{}
	ended chan struct{}

	begun atomic.Int64 // when what is being asked was, in nanoseconds

	asked int           // confirmed
	gap   time.Duration // the longest time for one confirmation
	err   error
}

func (s *stack) load() *load {
	s.t.Helper()
	l := &load{t: s.t, end: make(chan struct{}), ended: make(chan struct{})}
	asker, ctx := requestor.NewAsker(s.topology), s.t.Context()
	go func() {
		defer close(l.ended)
		pause := time.NewTicker(10 * time.Millisecond)
		defer pause.Stop()
		for l.err == nil {
			begun := time.Now()
			l.begun.Store(begun.UnixNano())
			asked, err := asker.Ask(ctx, 5)
			l.asked, l.err, l.gap = l.asked+len(asked), err, max(l.gap, time.Since(begun))
			select {
			case <-pause.C:
			case <-l.end:
				return
			}
		}
	}()
	return l
}

// waits returns when one of its questions has waited for its confirmation for
// longer than it ever does while the broker answers.
func (l *load) waits() {
	l.t.Helper()
	require.Eventually(l.t, func() bool { return time.Since(time.Unix(0, l.begun.Load())) > 2*time.Second }, patience, tick, "a publisher waits")
}

// stop returns how many were asked when the last of them is confirmed, and
// reports the longest time that took.
func (l *load) stop() int {
	l.t.Helper()
	close(l.end)
	select {
	case <-l.ended:
	case <-time.After(patience):
		require.Fail(l.t, "what was asked last is not confirmed")
	}
	require.NoError(l.t, l.err)
	l.t.Logf("%d asked; the longest gap was %v", l.asked, l.gap.Round(time.Millisecond))
	return l.asked
}

// flow waits until n more strings are stored: whatever happened, work goes on.
func (s *stack) flow(n uint64) {
	s.t.Helper()
	stored, err := s.topology.Ledger(topology.Stored).Count(s.within())
	require.NoError(s.t, err)
	s.stored(stored + n)
}

// stored waits until that many strings are.
func (s *stack) stored(n uint64) {
	s.t.Helper()
	ctx := s.within()
	require.Eventually(s.t, func() bool {
		stored, err := s.topology.Ledger(topology.Stored).Count(ctx)
		return err == nil && stored >= n
	}, patience, tick, "%d strings are stored", n)
}
