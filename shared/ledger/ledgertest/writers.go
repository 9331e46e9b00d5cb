package ledgertest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"decoupled.example/shared/ledger"
)

// Each writer wants its own value for each key, in an order of its own. Whoever
// wins a key, all must go on with the same value.
func writersAtOnceAgree(t *testing.T, s Store) {
	t.Helper()
	const writers, keys, batch = 4, 400, 40
	returned := make([]map[string]string, writers)
	var group errgroup.Group
	for w := range writers {
		l := s.Open(t)
		mine := shuffled(entries("id", keys, fmt.Sprint("writer ", w)))
		returned[w] = make(map[string]string)
		group.Go(func() error {
			for some := range slices.Chunk(mine, batch) {
				kept, err := l.PutIfAbsent(within(t), some...)
				if err != nil {
					return err
				}
				for _, e := range kept {
					returned[w][e.ID] = string(e.Value)
				}
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())

	l := s.Open(t)
	stored := values(t, all(t, l))
	require.Len(t, stored, keys)
	for w := range writers {
		require.Equal(t, stored, returned[w], "writer %d", w)
	}
	require.Equal(t, stored, values(t, get(t, l, ids(entries("id", keys, ""))...)))
}

// All writers want one key in the same moment, again and again: the losers read
// it while it is only just being stored.
func oneKeyAtOnce(t *testing.T, s Store) {
	t.Helper()
	const writers, rounds = 5, 60
	handles := make([]ledger.Ledger, writers)
	for w := range handles {
		handles[w] = s.Open(t)
	}
	for round := range rounds {
		id := fmt.Sprint("round-", round)
		returned := make([]string, writers)
		var group errgroup.Group
		begin := make(chan struct{})
		for w, l := range handles {
			group.Go(func() error {
				<-begin
				kept, err := l.PutIfAbsent(within(t), ledger.Entry{ID: id, Value: []byte(fmt.Sprint("writer ", w))})
				if err == nil {
					returned[w] = string(kept[0].Value)
				}
				return err
			})
		}
		close(begin)
		require.NoError(t, group.Wait())
		for w := range writers {
			require.Equal(t, returned[0], returned[w], "writers 0 and %d of %s", w, id)
		}
		require.Regexp(t, `^writer \d$`, returned[0])
	}
}

// What one handle's PutIfAbsent has returned, every other finds at once.
func readYourKeeps(t *testing.T, s Store) {
	t.Helper()
	writer, readers := s.Open(t), []ledger.Ledger{s.Open(t), s.Open(t), s.Open(t)}
	for round := range 60 {
		kept := keep(t, writer, entries(fmt.Sprint("round-", round), 3, "one")...)
		for _, l := range readers {
			requireSame(t, kept, get(t, l, ids(kept)...))
			n, err := l.Count(within(t))
			require.NoError(t, err)
			require.EqualValues(t, 3*(round+1), n)
			if round%10 == 9 {
				require.Len(t, values(t, all(t, l)), 3*(round+1))
			}
		}
	}
}
