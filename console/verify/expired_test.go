package verify_test

import (
	"encoding/hex"
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

// What is so old that a ledger may have forgotten its part is not judged.
func TestExpired(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t, func(s *topology.Settings) { s.Keep = time.Hour })
	young, old := time.Now().Add(-58*time.Minute), time.Now().Add(-time.Hour+30*time.Second)
	plant(b, idOf(young), topology.LedgerNames...)
	plant(b, idOf(old), topology.LedgerNames...)
	for i := range topology.LedgerNames { // the parts that expire first are missing
		plant(b, idOf(old), topology.LedgerNames[i:]...)
	}
	require.Equal(t, verify.Verdict{Asked: 3, Generated: 4, Stored: 5, Received: 6, Complete: 1, Expired: 2}, run(t, b))

	plant(b, idOf(young), topology.Asked)
	plant(b, idOf(young), topology.Stored)
	verdict := run(t, b)
	require.EqualValues(t, 1, verdict.Lost)
	require.EqualValues(t, 1, verdict.Unexpected)
}

// What a ledger had forgotten before it was made to remember for longer is no
// alarm either.
func TestLedgersThatForgot(t *testing.T) {
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

// Entries that a ledger forgets are no alarm, not while they go and not after.
func TestForgetfulLedgers(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t, func(s *topology.Settings) { s.Keep = time.Second })
	b.Services()
	asked := 0
	for forgotten := 0; forgotten < 3; {
		asked += len(b.Ask(5))
		verdict := run(t, b)
		require.True(t, verdict.OK(), "%+v", verdict)
		if verdict.Asked < uint64(asked) {
			forgotten++
		}
	}
}
