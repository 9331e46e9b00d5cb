package queue

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPatience_WaitsLittleAfterAFailedWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p patience
		require.Equal(t, fullWait, p.next())
		require.Equal(t, fullWait, p.next(), "of another loop")
		<-time.After(fullWait)
		p.ended(true)
		p.ended(true)
		require.Equal(t, againWithin, p.next())
		require.Zero(t, p.next())
		p.ended(false)
		require.Equal(t, fullWait, p.next())
	})
}

// What always takes longer than the short wait must get a full one now and then,
// however often the short one fails.
func TestPatience_GrantsAFullWaitAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p patience
		full, waited := 0, time.Duration(0)
		for begun := time.Now(); time.Since(begun) < 5*time.Minute; {
			within := p.next()
			<-time.After(max(within, time.Millisecond))
			p.ended(true)
			waited += within
			if within > againWithin {
				full++
			}
		}
		require.Equal(t, 10, full)
		require.Less(t, waited, 2*time.Minute)
	})
}
