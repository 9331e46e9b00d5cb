package deadletter_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/deadletter"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/shared/topology"
)

// newest reads the newest letters, and says which numbers they have.
func newest(t *testing.T, b *testbed.Bed, n int) ([]deadletter.Message, []uint64) {
	t.Helper()
	dead, err := deadletter.Open(b.Context(), b.JS)
	require.NoError(t, err)
	stream, err := b.JS.Stream(b.Context(), topology.DeadLetters)
	require.NoError(t, err)
	found, err := dead.Newest(b.Context(), n, stream.CachedInfo().State)
	require.NoError(t, err)
	var numbers []uint64
	for _, l := range found {
		numbers = append(numbers, l.Sequence)
	}
	return found, numbers
}

func TestNewest(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	_, none := newest(t, b, 3)
	require.Empty(t, none)
	b.PlantDead(5)
	found, numbers := newest(t, b, 3)
	require.Equal(t, []uint64{5, 4, 3}, numbers)
	dead, err := deadletter.Open(b.Context(), b.JS)
	require.NoError(t, err)
	for i, l := range found {
		same, err := dead.Get(b.Context(), numbers[i])
		require.NoError(t, err)
		require.Equal(t, same, l, "as it is read one by one")
		require.NoError(t, dead.Discard(b.Context(), l))
	}
	_, numbers = newest(t, b, 3)
	require.Equal(t, []uint64{2, 1}, numbers, "the old ones, where none is new")
}

func TestNewestShowsWhatCannotBeReadAndHidesNothing(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.PlantDead(1)
	b.PublishRaw("dead.REQUESTS.unknown", "NATS/1.0\r\nnot a header\r\n\r\n", "first")
	b.PublishRaw("dead.REQUESTS.unknown", "NATS/1.0\r\nNats-Sequence: 99\r\nNats-Subject: dead.x.y\r\nStatus: 204\r\n\r\n", "second")
	b.PublishRaw("dead.REQUESTS.unknown", "NATS/1.0\r\nnor this\r\n\r\n", "third")
	found, numbers := newest(t, b, 10)
	require.Equal(t, []uint64{4, 3, 2, 1}, numbers)
	require.Equal(t, "third", string(found[0].Body))
	require.Equal(t, "second", string(found[1].Body))
	require.Equal(t, "REQUESTS", found[1].Queue)
	require.Contains(t, found[2].Reason, "unknown")
}

// Letters are read a megabyte at a time; those that are shown may be larger.
func TestNewest_ReadsLargeMessagesToo(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	for range 5 {
		_, err := b.JS.Publish(b.Context(), "dead.REQUESTS.unknown", make([]byte, 400<<10))
		require.NoError(t, err)
	}
	_, numbers := newest(t, b, 5)
	require.Equal(t, []uint64{5, 4, 3, 2, 1}, numbers)
}
