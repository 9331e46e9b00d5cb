package shutdown_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/shutdown"
)

func TestDelay_OutlivesItsParent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		parent, stop := context.WithCancel(t.Context())
		work, cancel := shutdown.Delay(parent, 10*time.Second)
		defer cancel()

		stop()
		told := time.Now()
		synctest.Wait()
		require.NoError(t, work.Err(), "work in progress must go on")

		<-work.Done()
		require.Equal(t, 10*time.Second, time.Since(told))
	})
}

func TestDelay_EndsAtOnceWhenCanceled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		parent, stop := context.WithCancel(t.Context())
		work, cancel := shutdown.Delay(parent, time.Hour)
		stop()
		canceled := time.Now()
		cancel()
		<-work.Done() // and synctest requires that no goroutine stays behind
		require.Zero(t, time.Since(canceled), "it waited for the delay")
	})
}

func TestDelay_OfZeroEndsWithItsParent(t *testing.T) {
	t.Parallel()
	parent, stop := context.WithCancel(t.Context())
	work, cancel := shutdown.Delay(parent, 0)
	defer cancel()
	stop()
	require.ErrorIs(t, work.Err(), context.Canceled)
}
