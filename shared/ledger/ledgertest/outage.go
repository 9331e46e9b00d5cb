package ledgertest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"decoupled.example/shared/ledger"
	"decoupled.example/shared/publish"
)

func keptStays(t *testing.T, s Stoppable) {
	t.Helper()
	l := s.Open(t)
	first := keep(t, l, entries("id", 200, "one")...)
	s.Stop()
	s.Start()
	for _, l := range []ledger.Ledger{l, s.Open(t)} {
		requireSame(t, first, get(t, l, ids(first)...))
		requireSame(t, first, keep(t, l, entries("id", 200, "other")...))
		requireSame(t, first, all(t, l))
		n, err := l.Count(within(t))
		require.NoError(t, err)
		require.EqualValues(t, 200, n)
	}
	keep(t, l, entries("id", 300, "after")...)
	n, err := l.Count(within(t))
	require.NoError(t, err)
	require.EqualValues(t, 300, n)
}

// The store is restarted under writers that all want the same keys, and readers.
// No call may fail, or return anything but the first write.
func callsInProgress(t *testing.T, s Stoppable) {
	t.Helper()
	const writers = 3
	var (
		kept     atomic.Int64
		stop     = make(chan struct{})
		group    errgroup.Group
		returned [writers]map[string]string
		stopped  = func() bool {
			select {
			case <-stop:
				return true
			default:
				return false
			}
		}
	)
	for w := range writers {
		l := s.Open(t)
		returned[w] = make(map[string]string)
		group.Go(func() error {
			for n := 0; !stopped(); n++ {
				got, err := l.PutIfAbsent(within(t), shuffled(entries(fmt.Sprint("batch-", n), 10, fmt.Sprint("writer ", w)))...)
				if err != nil {
					return err
				}
				for _, e := range got {
					returned[w][e.ID] = string(e.Value)
				}
				found, err := l.Get(within(t), ids(got)...)
				if err != nil {
					return err
				}
				if len(found) != len(got) {
					return fmt.Errorf("found %d of %d entries just kept", len(found), len(got))
				}
				kept.Add(1)
			}
			return nil
		})
	}
	reader := s.Open(t)
	group.Go(func() error {
		for least := uint64(0); !stopped(); {
			n, err := reader.Count(within(t))
			if err != nil {
				return err
			}
			some, err := collect(within(t), reader)
			if err != nil {
				return err
			}
			if n < least || uint64(len(some)) < n {
				return fmt.Errorf("counted %d, then %d, then saw %d", least, n, len(some))
			}
			least = uint64(len(some))
		}
		return nil
	})
	progress := func() {
		before := kept.Load()
		require.Eventually(t, func() bool { return kept.Load() >= before+20 }, patience, time.Millisecond)
	}
	progress()
	s.Stop()
	s.Start()
	progress()
	close(stop)
	require.NoError(t, group.Wait())

	stored := values(t, all(t, reader))
	for w := range writers {
		for id, value := range returned[w] {
			require.Equal(t, stored[id], value, "what writer %d was told about %s", w, id)
		}
	}
}

func callsBegunMeanwhile(t *testing.T, s Stoppable) {
	t.Helper()
	l := s.Open(t)
	keep(t, l, entries("id", 10, "one")...)
	s.Stop()
	late := s.Open(t) // a process may start while its store is away
	var group errgroup.Group
	begun := make(chan struct{}, 100)
	for _, l := range []ledger.Ledger{l, late} {
		for name, call := range calls(l) {
			group.Go(func() error {
				begun <- struct{}{}
				if err := call(within(t)); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				return nil
			})
		}
	}
	for range 2 * len(calls(l)) {
		<-begun
	}
	s.Start()
	require.NoError(t, group.Wait())

	stored := values(t, all(t, l))
	require.Len(t, stored, 20)
	for i := range 20 {
		id, writer := fmt.Sprint("id-", i), "one"
		if i >= 10 {
			writer = "calls"
		}
		require.Equal(t, id+" by "+writer, stored[id])
	}
}

func contextEndsMeanwhile(t *testing.T, s Stoppable) {
	t.Helper()
	l := s.Open(t)
	keep(t, l, entries("id", 10, "one")...)
	s.Stop()
	for _, l := range []ledger.Ledger{l, s.Open(t)} {
		for name, call := range calls(l) {
			ctx, cancel := context.WithCancel(within(t))
			time.AfterFunc(10*time.Millisecond, cancel) // most likely it waits by then
			requireEnds(t, name, context.Canceled, func() error { return call(ctx) })

			ctx, cancel = context.WithTimeout(within(t), 10*time.Millisecond)
			requireEnds(t, name, context.DeadlineExceeded, func() error { return call(ctx) })
			cancel()
		}
	}
}

// requireEnds fails when the call does not return.
func requireEnds(t *testing.T, name string, want error, call func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		require.ErrorIs(t, err, want, name)
		require.ErrorIs(t, err, publish.ErrUnavailable, "%s: the store is to blame, not the message that led to the call", name)
	case <-time.After(patience):
		require.FailNow(t, name+" does not return when its context ends")
	}
}
