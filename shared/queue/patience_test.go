package queue

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPatience_WaitsLittleAfterAWaitInVain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const full = 5 * time.Second
		var p patience
		require.Equal(t, full, p.next(full))
		require.Equal(t, full, p.next(full), "of another loop")
		<-time.After(full)
		p.ended(true)
		p.ended(true)
		require.Equal(t, againWithin, p.next(full))
		require.Zero(t, p.next(full))
		p.ended(false)
		require.Equal(t, full, p.next(full))
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
			within := p.next(5 * time.Second)
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
