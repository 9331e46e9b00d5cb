package status_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/depth"
	"decoupled.example/console/status"
)

func TestRates(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	reading := func(seconds int, stored, messages, entries uint64) status.Status {
		return status.Status{
			At:      begun.Add(time.Duration(seconds) * time.Second),
			Queues:  []depth.Depth{{Queue: "Q", Stored: stored, Messages: messages}},
			Ledgers: map[string]uint64{"L": entries},
		}
	}
	rates := func(in, out, entries float64) status.Rates {
		return status.Rates{Queues: map[string]status.Flow{"Q": {In: in, Out: out}}, Ledgers: map[string]float64{"L": entries}}
	}
	before := reading(0, 100, 10, 50)
	require.Equal(t, rates(5, 6, 3), reading(2, 110, 8, 56).Rates(before))
	require.Equal(t, rates(0, 0, 0), reading(2, 100, 10, 50).Rates(before))
	require.Equal(t, rates(2, 1, 0), reading(2, 4, 2, 0).Rates(before), "made anew")
	require.Equal(t, rates(0, 5, 0), reading(2, 100, 0, 0).Rates(before), "emptied")
	require.Empty(t, reading(0, 1, 1, 1).Rates(before).Queues, "no time has passed")
}
