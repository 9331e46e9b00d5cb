package feed

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/depth"
	"decoupled.example/console/status"
	"decoupled.example/shared/topology"
)

// seen is a reading: asked, received, letters now and ever, and for each queue
// how many it holds and has ever stored.
func seen(asked, received, dead, deadEver uint64, queues ...[2]uint64) reading {
	r := reading{
		Status:  status.Status{Ledgers: map[string]uint64{topology.Asked: asked, topology.Received: received}, Letters: dead},
		letters: jetstream.StreamState{Msgs: dead, LastSeq: deadEver},
	}
	for _, q := range queues {
		r.Queues = append(r.Queues, depth.Depth{Messages: q[0], Stored: q[1]})
	}
	return r
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	empty := [][2]uint64{{0, 10}, {0, 10}, {0, 10}}
	for name, test := range map[string]struct {
		before, now reading
		lost        uint64
	}{
		"all is finished":                     {seen(10, 10, 0, 0, empty...), seen(10, 10, 0, 0, empty...), 0},
		"two are missing":                     {seen(10, 8, 0, 0, empty...), seen(10, 8, 0, 0, empty...), 2},
		"two are dead letters":                {seen(10, 8, 2, 2, empty...), seen(10, 8, 2, 2, empty...), 0},
		"asked after the first reading":       {seen(10, 10, 0, 0, empty...), seen(99, 10, 0, 0, empty...), 0},
		"a queue was not empty before":        {seen(10, 8, 0, 0, [2]uint64{1, 10}, empty[1], empty[2]), seen(10, 8, 0, 0, empty...), 0},
		"a queue is not empty now":            {seen(10, 8, 0, 0, empty...), seen(10, 8, 0, 0, [2]uint64{1, 11}, empty[1], empty[2]), 0},
		"one passed between":                  {seen(10, 9, 0, 0, empty...), seen(10, 9, 0, 0, [2]uint64{0, 11}, empty[1], empty[2]), 0},
		"a letter was redriven between":       {seen(10, 9, 1, 1, empty...), seen(10, 9, 0, 1, empty...), 0},
		"recovered: more received than asked": {seen(10, 11, 0, 0, empty...), seen(10, 11, 0, 0, empty...), 0},
		"the first reading":                   {reading{}, seen(10, 8, 0, 0, empty...), 0},
	} {
		require.Equal(t, test.lost, verdict(test.before, test.now).Lost, name)
	}
}
