// Package ledgertest is what every implementation of ledger.Ledger must pass.
//
//	func TestMine(t *testing.T)         { ledgertest.Run(t, newStore) }
//	func TestMineOutages(t *testing.T)  { ledgertest.RunOutages(t, newStoreThatStops) }
//
// It looks at a ledger only as its users do, through handles of which each
// stands for another process.
package ledgertest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/ledger"
)

// patience bounds every wait. It says nothing about speed: a loaded machine is
// slow, and a store may need seconds to come back.
const patience = time.Minute

// Store is the store of one ledger, empty at first.
type Store interface {
	// Open returns a handle of its own on the ledger, as another process would
	// have, also while the store is down. It lives until the test ends.
	Open(t *testing.T) ledger.Ledger
}

// Stoppable is a Store that can be stopped, and starts again with its data.
type Stoppable interface {
	Store
	// Stop returns when the store does not answer any more, Start when it does
	// again or soon will.
	Stop()
	Start()
}

// Run runs every test that needs no outage, each on a store of its own, and in
// parallel.
func Run(t *testing.T, empty func(t *testing.T) Store) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(*testing.T, Store)
	}{
		{"TheFirstWriteWins", firstWriteWins},
		{"WritersAtOnceAgree", writersAtOnceAgree},
		{"OneKeyAtOnce", oneKeyAtOnce},
		{"WhatIsReturnedCanBeReadEverywhere", readYourKeeps},
		{"ValuesComeBackByteForByte", valuesComeBack},
		{"OneIDTwiceInOneKeep", oneIDTwice},
		{"ResultsAreInTheOrderGiven", orderGiven},
		{"GetLeavesOutWhatIsNotThere", getLeavesOut},
		{"NothingIsEasy", nothing},
		{"EveryValidIDIsTaken", validIDs},
		{"InvalidIDsAreNamed", invalidIDs},
		{"CountIsTheNumberOfEntries", count},
		{"AllIsOldestFirst", allOldestFirst},
		{"AllOfAnEmptyLedger", allEmpty},
		{"AllStopsWhenTold", allStops},
		{"AllWhileSomeoneWrites", allWhileWriting},
		{"AllOfLargeEntries", allLarge},
		{"AnEndedContextEndsEveryCall", endedContext},
		{"AContextThatEndsEndsAll", contextEndsAll},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, empty(t))
		})
	}
}

// RunOutages runs the tests in which the store stops and starts again, each
// on a store of its own, and in parallel.
func RunOutages(t *testing.T, empty func(t *testing.T) Stoppable) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(*testing.T, Stoppable)
	}{
		{"WhatWasKeptStays", keptStays},
		{"CallsInProgressSucceedAfterwards", callsInProgress},
		{"CallsBegunMeanwhileSucceedAfterwards", callsBegunMeanwhile},
		{"AContextThatEndsMeanwhileEndsEveryCall", contextEndsMeanwhile},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, empty(t))
		})
	}
}

// within returns a context for a call that should not take long, so that a call
// which hangs says what it waits for.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// entries returns n entries whose values name their writer.
func entries(prefix string, n int, writer string) []ledger.Entry {
	some := make([]ledger.Entry, n)
	for i := range some {
		id := fmt.Sprintf("%s-%d", prefix, i)
		some[i] = ledger.Entry{ID: id, Value: []byte(id + " by " + writer)}
	}
	return some
}

func ids(some []ledger.Entry) []string {
	names := make([]string, len(some))
	for i, e := range some {
		names[i] = e.ID
	}
	return names
}

func shuffled(some []ledger.Entry) []ledger.Entry {
	mixed := make([]ledger.Entry, len(some))
	for i, k := range rand.Perm(len(some)) {
		mixed[i] = some[k]
	}
	return mixed
}

// keep keeps entries and checks the form of what is returned.
func keep(t *testing.T, l ledger.Ledger, some ...ledger.Entry) []ledger.Entry {
	t.Helper()
	kept, err := l.PutIfAbsent(within(t), some...)
	require.NoError(t, err)
	require.Equal(t, ids(some), ids(kept), "one for each, in the order given")
	return kept
}

func get(t *testing.T, l ledger.Ledger, names ...string) []ledger.Entry {
	t.Helper()
	found, err := l.Get(within(t), names...)
	require.NoError(t, err)
	for _, e := range found {
		if e.Stored.IsZero() {
			require.Fail(t, "nothing says when it was kept", e.ID)
		}
	}
	return found
}

func all(t *testing.T, l ledger.Ledger) []ledger.Entry {
	t.Helper()
	some, err := collect(within(t), l)
	require.NoError(t, err)
	return some
}

// collect returns what All yields, and its error.
func collect(ctx context.Context, l ledger.Ledger) ([]ledger.Entry, error) {
	var some []ledger.Entry
	var failed error
	for e, err := range l.All(ctx) {
		switch {
		case failed != nil:
			return some, fmt.Errorf("something came after the error: %w", failed)
		case err != nil:
			failed = err
		default:
			some = append(some, e)
		}
	}
	return some, failed
}

// requireSame compares IDs and values, in their order.
func requireSame(t *testing.T, want, got []ledger.Entry) {
	t.Helper()
	require.Equal(t, ids(want), ids(got))
	for i := range want {
		require.True(t, bytes.Equal(want[i].Value, got[i].Value), "the value of %s is %.40q, not %.40q", want[i].ID, got[i].Value, want[i].Value)
	}
}

// values maps IDs to values, and fails where an ID comes twice.
func values(t *testing.T, some []ledger.Entry) map[string]string {
	t.Helper()
	byID := make(map[string]string, len(some))
	for _, e := range some {
		_, twice := byID[e.ID]
		require.False(t, twice, "%s comes twice", e.ID)
		byID[e.ID] = string(e.Value)
	}
	return byID
}
