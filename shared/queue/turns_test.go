package queue

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// batch takes the turn of a batch, which must come at once.
func batch(t *testing.T, turns *turns) (done func()) {
	t.Helper()
	begun := time.Now()
	done, err := turns.together(t.Context())
	require.NoError(t, err)
	require.Zero(t, time.Since(begun), "time waited")
	return done
}

func TestBatchesAreHandledTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns()
		for range 100 {
			batch(t, turns)
		}
	})
}

func TestSuspectWaitsForBatchesAndTheyForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns()
		begun := time.Now()
		time.AfterFunc(300*time.Millisecond, batch(t, turns))
		time.AfterFunc(900*time.Millisecond, batch(t, turns))
		done, _ := turns.alone(t.Context())
		require.NotNil(t, done)
		require.Equal(t, 900*time.Millisecond, time.Since(begun))

		time.AfterFunc(2*time.Second, done)
		other, err := turns.together(t.Context())
		require.NoError(t, err)
		require.Equal(t, 2900*time.Millisecond, time.Since(begun))
		other()
	})
}

func TestSuspectGivesWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns()
		busy := batch(t, turns)
		turn := shortestTurn
		for range 10 {
			begun := time.Now()
			done, again := turns.alone(t.Context())
			require.Nil(t, done)
			require.Equal(t, turn, time.Since(begun))
			require.GreaterOrEqual(t, again, turn)
			require.LessOrEqual(t, again, 2*turn)
			batch(t, turns)() // now the others can

			begun = time.Now()
			done, again = turns.alone(t.Context())
			require.Nil(t, done)
			require.Zero(t, time.Since(begun), "it must leave the others alone for a while")
			require.Positive(t, again)
			turn = min(2*turn, longestTurn)
			<-time.After(turn)
		}
		busy()
		done, _ := turns.alone(t.Context())
		require.NotNil(t, done)
		done()

		batch(t, turns)
		begun := time.Now()
		done, _ = turns.alone(t.Context())
		require.Nil(t, done)
		require.Equal(t, shortestTurn, time.Since(begun), "as at first, after a turn that came")
	})
}

func TestOthersAreLetInAfterAWhileButNoSuspect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns()
		suspect, _ := turns.alone(t.Context())
		require.NotNil(t, suspect)
		begun := time.Now()
		other, err := turns.together(t.Context())
		require.NoError(t, err)
		require.Equal(t, aloneFor, time.Since(begun))
		other()
		another, _ := turns.alone(t.Context())
		require.Nil(t, another, "two suspects at once")
		<-time.After(longestTurn)

		suspect()
		another, _ = turns.alone(t.Context())
		require.NotNil(t, another)
		another()
		batch(t, turns)()
	})
}

func TestTurnsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns()
		suspect, _ := turns.alone(t.Context())
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		begun := time.Now()
		_, err := turns.together(ctx)
		require.ErrorIs(t, err, context.Canceled)
		another, _ := turns.alone(ctx)
		require.Nil(t, another)
		require.Equal(t, 100*time.Millisecond, time.Since(begun))
		suspect()
	})
}
