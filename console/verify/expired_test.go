package verify_test

import (
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/drain"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/console/setup"
	"decoupled.example/console/verify"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

// idOf is an ID that was made at that time.
func idOf(made time.Time) string {
	var bytes [8]byte
	milliseconds := made.UnixMilli()
	for i := range bytes {
		bytes[len(bytes)-1-i] = byte(milliseconds >> (8 * i))
	}
	digits := hex.EncodeToString(bytes[2:])
	id := contract.NewID()
	return digits[:8] + "-" + digits[8:] + id[len("00000000-0000"):]
}

// What the broker has stored just now is judged, whatever time its ID states, and
// whatever the operator's clock says.
func TestRun_JudgesByTheBrokersClock(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ requestor, broker time.Duration }{
		{-25 * time.Hour, 0}, {25 * time.Hour, 0}, {0, -25 * time.Hour}, {0, 25 * time.Hour}, {-25 * time.Hour, 25 * time.Hour},
	} {
		t.Run(fmt.Sprintf("requestor %v, broker %v", test.requestor, test.broker), func(t *testing.T) {
			t.Parallel()
			b := testbed.StartShifted(t, test.broker, func(s *topology.Settings) { s.Keep = 24 * time.Hour })
			id := func() string { return idOf(time.Now().Add(test.requestor)) }
			for range 5 {
				plant(b, id(), topology.Asked)
				plant(b, id(), topology.Generated)
				plant(b, id(), topology.Stored)
				plant(b, id(), topology.Received)
			}
			plant(b, id(), topology.LedgerNames...)
			verdict := run(t, b)
			require.EqualValues(t, 10, verdict.Lost, "asked or generated, and no more")
			require.EqualValues(t, 10, verdict.Unexpected)
			require.EqualValues(t, 1, verdict.Complete)
			require.Zero(t, verdict.Expired)
			require.False(t, verdict.OK())
		})
	}
}

// What is so old that a ledger may have forgotten a part of it is not judged, which
// is said.
func TestRun_CountsWhatItCannotJudge(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t, func(s *topology.Settings) { s.Keep = time.Hour })
	plant(b, contract.NewID(), topology.LedgerNames...)
	for i := range topology.LedgerNames { // as if the steps that expire first had
		plant(b, contract.NewID(), topology.LedgerNames[i:]...)
	}
	b.Later(58 * time.Minute)
	verdict := run(t, b)
	require.EqualValues(t, 2, verdict.Complete)
	require.Zero(t, verdict.Expired)
	b.Later(59*time.Minute + 30*time.Second)
	require.Equal(t, verify.Verdict{Asked: 2, Generated: 3, Stored: 4, Received: 5, Expired: 2}, run(t, b))
	require.False(t, run(t, b).OK(), "nothing was judged")
	require.True(t, run(t, b).Unjudged())
}

// A string whose origin may have expired while its message waited is not judged. No
// more than have expired are excused so.
func TestRun_ExcusesNoMoreThanHasExpired(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t, func(s *topology.Settings) { s.Keep = time.Second })
	id := contract.NewID()
	plant(b, id, topology.Generated)
	b.Eventually(func() bool { return b.Messages("KV_"+topology.Generated) == 0 }, "it has expired")
	_, err := setup.Update(b.Context(), b.JS, topology.Settings{AckWait: time.Second, Keep: time.Hour})
	require.NoError(t, err)
	plant(b, id, topology.Stored, topology.Received)
	require.Equal(t, verify.Verdict{Stored: 1, Received: 1, Expired: 1}, run(t, b))
	plant(b, contract.NewID(), topology.Stored, topology.Received)
	verdict := run(t, b)
	require.EqualValues(t, 1, verdict.Expired)
	require.EqualValues(t, 1, verdict.Unexpected)
}

func TestVerdict_OfEmptyLedgersIsOK(t *testing.T) {
	t.Parallel()
	require.True(t, run(t, testbed.Start(t)).OK(), "there is nothing that was not judged")
}

// What a ledger had forgotten before it was made to remember for longer is no
// alarm either.
func TestRun_WithALongerRetention(t *testing.T) {
	t.Parallel()
	for _, keep := range []time.Duration{0, time.Hour} {
		b := testbed.Start(t, func(s *topology.Settings) { s.Keep = time.Second })
		b.Services()
		b.Ask(5)
		require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
		b.Eventually(func() bool {
			for _, name := range topology.LedgerNames {
				if b.Messages("KV_"+name) > 0 {
					return false
				}
			}
			return true
		}, "all is forgotten")
		_, err := setup.Update(b.Context(), b.JS, topology.Settings{AckWait: time.Second, Keep: keep})
		require.NoError(t, err)
		require.True(t, run(t, b).OK(), "%+v", run(t, b))

		b.Ask(1)
		verdict := run(t, b)
		require.True(t, verdict.OK(), "%+v", verdict)
		require.EqualValues(t, 1, verdict.Asked)
	}
}

// Entries that a ledger forgets are no alarm, neither while they expire nor after.
func TestForgetfulLedgers(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t, func(s *topology.Settings) { s.Keep = time.Second })
	b.Services()
	asked := 0
	for forgotten := 0; forgotten < 3; {
		asked += len(b.Ask(5))
		verdict := run(t, b)
		require.Empty(t, verdict.Findings)
		if verdict.Asked < uint64(asked) {
			forgotten++
		}
	}
}
