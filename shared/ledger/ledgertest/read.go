package ledgertest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"decoupled.example/shared/ledger"
	"decoupled.example/shared/publish"
)

func getLeavesOut(t *testing.T, s Store) {
	t.Helper()
	l := s.Open(t)
	some := entries("id", 700, "one")
	var there []ledger.Entry
	for i, e := range some {
		if i%7 != 0 {
			there = append(there, e)
		}
	}
	keep(t, l, there...)
	requireSame(t, there, get(t, l, ids(some)...))
}

func count(t *testing.T, s Store) {
	t.Helper()
	l, other := s.Open(t), s.Open(t)
	for _, n := range []int{1, 2, 2, 50, 20, 51} { // some are there already
		keep(t, l, entries("id", n, "one")...)
	}
	for _, l := range []ledger.Ledger{l, other} {
		n, err := l.Count(within(t))
		require.NoError(t, err)
		require.EqualValues(t, 51, n)
	}
}

func allOldestFirst(t *testing.T, s Store) {
	t.Helper()
	l := s.Open(t)
	var want []ledger.Entry
	for _, e := range shuffled(entries("single", 30, "one")) {
		want = append(want, keep(t, l, e)...)
	}
	requireSame(t, want, all(t, l))

	const batches, size = 3, 300
	for b := range batches {
		keep(t, l, shuffled(entries(fmt.Sprintf("batch-%d", b), size, "one"))...)
	}
	got := all(t, s.Open(t))
	require.Len(t, values(t, got), 30+batches*size)
	requireSame(t, want, got[:30])
	for i, e := range got[30:] {
		require.True(t, strings.HasPrefix(e.ID, fmt.Sprintf("batch-%d-", i/size)), "an entry of a later PutIfAbsent is younger")
		require.False(t, e.Stored.IsZero())
	}
}

func allEmpty(t *testing.T, s Store) {
	t.Helper()
	require.Empty(t, all(t, s.Open(t)))
}

func allStops(t *testing.T, s Store) {
	t.Helper()
	l := s.Open(t)
	keep(t, l, entries("id", 1500, "one")...)
	for _, stop := range []int{1, 2, 777, 1499, 1500} {
		n := 0
		for _, err := range l.All(within(t)) {
			require.NoError(t, err)
			if n++; n == stop {
				break
			}
		}
		require.Equal(t, stop, n)
	}
	// One sequence can be walked again, from its beginning.
	sequence := l.All(within(t))
	for range 2 {
		for e, err := range sequence {
			require.NoError(t, err)
			require.NotEmpty(t, e.ID)
			break
		}
	}
}

// The writer does not stop: All must end nevertheless.
func allWhileWriting(t *testing.T, s Store) {
	t.Helper()
	l, writer := s.Open(t), s.Open(t)
	before := keep(t, l, entries("before", 1200, "one")...)

	ctx, cancel := context.WithCancel(within(t))
	writing := make(chan struct{})
	var group errgroup.Group
	group.Go(func() error {
		for n := 0; ctx.Err() == nil; n++ {
			// A call in progress may finish.
			if _, err := writer.PutIfAbsent(within(t), entries(fmt.Sprint("during-", n), 20, "writer")...); err != nil {
				return err
			}
			if n == 3 {
				close(writing)
			}
		}
		return nil
	})
	<-writing
	got := all(t, l)
	cancel()
	require.NoError(t, group.Wait())

	values(t, got) // none comes twice
	requireSame(t, before, got[:len(before)])
	for _, e := range got[len(before):] {
		require.Equal(t, e.ID+" by writer", string(e.Value))
	}
}

func allLarge(t *testing.T, s Store) {
	t.Helper()
	l := s.Open(t)
	const n, size = 120, 64 << 10
	value := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, size) }
	var some []ledger.Entry
	for i := range n {
		some = append(some, ledger.Entry{ID: fmt.Sprint("id-", i), Value: value(i)})
	}
	keep(t, l, some...)
	got := values(t, all(t, l))
	require.Len(t, got, n)
	for i := range n {
		require.True(t, bytes.Equal([]byte(got[fmt.Sprint("id-", i)]), value(i)))
	}
	found := get(t, l, ids(some)...)
	require.Equal(t, ids(some), ids(found))
	for i, e := range found {
		require.True(t, bytes.Equal(value(i), e.Value))
	}
}

func endedContext(t *testing.T, s Store) {
	t.Helper()
	l := s.Open(t)
	keep(t, l, entries("id", 10, "one")...)
	ctx, cancel := context.WithCancel(within(t))
	cancel()
	for name, call := range calls(l) {
		err := call(ctx)
		require.ErrorIs(t, err, context.Canceled, name)
		require.NotErrorIs(t, err, publish.ErrUnavailable, "%s: the store is not to blame", name)
	}
	late, cancel := context.WithTimeout(within(t), 0)
	defer cancel()
	for name, call := range calls(l) {
		err := call(late)
		require.ErrorIs(t, err, context.DeadlineExceeded, name)
		require.NotErrorIs(t, err, publish.ErrUnavailable, "%s: the store is not to blame", name)
	}
}

func contextEndsAll(t *testing.T, s Store) {
	t.Helper()
	l := s.Open(t)
	keep(t, l, entries("id", 6000, "one")...)
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	var failed error
	n := 0
	for _, err := range l.All(ctx) {
		require.NoError(t, failed, "the error is the last that comes")
		if err != nil {
			failed = err
			continue
		}
		n++
		cancel()
	}
	require.ErrorIs(t, failed, context.Canceled)
	require.Less(t, n, 6000)
}

// calls returns every method, to be called on what may or may not be there.
func calls(l ledger.Ledger) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"PutIfAbsent": func(ctx context.Context) error {
			_, err := l.PutIfAbsent(ctx, entries("id", 20, "calls")...)
			return err
		},
		"Get": func(ctx context.Context) error {
			_, err := l.Get(ctx, "id-1", "missing")
			return err
		},
		"Count": func(ctx context.Context) error {
			_, err := l.Count(ctx)
			return err
		},
		"All": func(ctx context.Context) error {
			_, err := collect(ctx, l)
			return err
		},
	}
}
