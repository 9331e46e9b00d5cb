package ledgertest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/ledger"
)

func firstWriteWins(t *testing.T, s Store) {
	t.Helper()
	one, other := s.Open(t), s.Open(t)
	first := entries("id", 100, "one")

	requireSame(t, first, keep(t, one, first...))

	for _, l := range []ledger.Ledger{other, one} {
		requireSame(t, first, keep(t, l, entries("id", 100, "other")...))
		requireSame(t, first, keep(t, l, first...))
		requireSame(t, first, get(t, l, ids(first)...))
		require.Len(t, all(t, l), 100)
	}
}

func valuesComeBack(t *testing.T, s Store) {
	t.Helper()
	one, other := s.Open(t), s.Open(t)
	binary := make([]byte, 256)
	for i := range binary {
		binary[i] = byte(i)
	}
	large := make([]byte, 64<<10)
	for i := range large {
		large[i] = byte(rand.Uint32())
	}
	some := []ledger.Entry{
		{ID: "binary", Value: binary},
		{ID: "empty", Value: []byte{}},
		{ID: "nil", Value: nil},
		{ID: "large", Value: large},
		{ID: "zeroes", Value: make([]byte, 1000)},
		{ID: "lines", Value: []byte("\r\n\r\nNATS/1.0\r\n \n")},
		{ID: "text", Value: []byte(`{"text":"ä\u0000\"'; --"}`)},
	}
	requireSame(t, some, keep(t, one, some...))

	requireSame(t, some, get(t, other, ids(some)...))
	var overwrite []ledger.Entry
	for _, e := range some {
		overwrite = append(overwrite, ledger.Entry{ID: e.ID, Value: []byte("other")})
	}
	requireSame(t, some, keep(t, other, overwrite...))
	for _, e := range all(t, other) {
		for _, want := range some {
			if want.ID == e.ID {
				require.True(t, bytes.Equal(want.Value, e.Value), "the value of %s", e.ID)
			}
		}
	}
	// What was written belongs to its writer again.
	binary[0], large[0] = binary[0]+1, large[0]+1
	require.NotEqual(t, binary, get(t, one, "binary")[0].Value)
}

func oneIDTwice(t *testing.T, s Store) {
	t.Helper()
	l, other := s.Open(t), s.Open(t)
	keep(t, l, ledger.Entry{ID: "old", Value: []byte("old")})

	kept := keep(t, l,
		ledger.Entry{ID: "new", Value: []byte("a")},
		ledger.Entry{ID: "old", Value: []byte("a")},
		ledger.Entry{ID: "new", Value: []byte("b")},
		ledger.Entry{ID: "old", Value: []byte("b")},
		ledger.Entry{ID: "new", Value: []byte("c")})

	require.Equal(t, "old", string(kept[1].Value))
	require.Equal(t, "old", string(kept[3].Value))
	winner := string(kept[0].Value)
	require.Contains(t, []string{"a", "b", "c"}, winner)
	require.Equal(t, winner, string(kept[2].Value))
	require.Equal(t, winner, string(kept[4].Value))
	require.Equal(t, map[string]string{"old": "old", "new": winner}, values(t, all(t, other)))
}

func orderGiven(t *testing.T, s Store) {
	t.Helper()
	l := s.Open(t)
	some := entries("id", 600, "one") // half of them are there already
	keep(t, l, shuffled(some[:300])...)

	mixed := shuffled(some)
	requireSame(t, mixed, keep(t, l, mixed...))
	mixed = shuffled(some)
	requireSame(t, mixed, get(t, l, ids(mixed)...))
}

func nothing(t *testing.T, s Store) {
	t.Helper()
	l := s.Open(t)
	require.Empty(t, keep(t, l))
	require.Empty(t, get(t, l))
	require.Empty(t, get(t, l, "missing"))
	n, err := l.Count(within(t))
	require.NoError(t, err)
	require.Zero(t, n)
}

func validIDs(t *testing.T, s Store) {
	t.Helper()
	l := s.Open(t)
	var some []ledger.Entry
	for _, id := range []string{
		"a", "Z", "0", "-", "_", "--", "__proto__", "a-b_C-9",
		"0190f5fe-7bd5-7b5c-9d8c-3c5b8a3a1a11",
		"ABC", "abc", // not the same
		strings.Repeat("x", 127), strings.Repeat("x", 128),
	} {
		some = append(some, ledger.Entry{ID: id, Value: []byte("value of " + id)})
	}
	requireSame(t, some, keep(t, l, some...))
	requireSame(t, some, get(t, l, ids(some)...))
	require.Len(t, values(t, all(t, l)), len(some))
}

func invalidIDs(t *testing.T, s Store) {
	t.Helper()
	l := s.Open(t)
	for _, id := range []string{
		"", " ", "a b", "a.b", ".", "*", ">", "a*", "$a", "a/b", `a\b`, "ä", "a\x00", "a\n", "\xff", "a'b",
		strings.Repeat("x", 129), strings.Repeat("x", 70_000),
	} {
		name := fmt.Sprintf("%.20q", id)
		name = name[:len(name)-1] // a long one may be cut

		_, err := l.PutIfAbsent(within(t), ledger.Entry{ID: "before"}, ledger.Entry{ID: id}, ledger.Entry{ID: "after"})
		require.ErrorIs(t, err, ledger.ErrInvalidID, name)
		require.ErrorContains(t, err, name)

		_, err = l.Get(within(t), "before", id, "after")
		require.ErrorIs(t, err, ledger.ErrInvalidID, name)
		require.ErrorContains(t, err, name)
	}
	n, err := l.Count(within(t))
	require.NoError(t, err)
	require.Zero(t, n, "nothing is stored of a PutIfAbsent with an invalid ID")
}
