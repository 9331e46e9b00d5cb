package drain

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/deadletter"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/generator"
	"decoupled.example/shared/topology"
)

// interrupted reads a real broker's streams, and has something happen before
// the reading of that number.
func interrupted(b *testbed.Bed, number int, happen func()) reader {
	read, readings := streamState(b.JS), 0
	return func(ctx context.Context, stream string) (State, error) {
		if readings == number {
			happen()
		}
		readings++
		return read(ctx, stream)
	}
}

// Read backwards, a message that is answered between two readings is nowhere.
func TestReadBackwardsTheDepthsAreWrong(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	answer := func() {
		stop := b.Generator(generator.Options{})
		b.Eventually(func() bool { return b.Messages(topology.Requests) == 0 }, "the request is answered")
		stop()
	}

	b.Ask(1)
	drained, snapshot, err := backwards(b.Context(), interrupted(b, 2, answer)) // RECEIPTS and RESPONSES were read
	require.NoError(t, err)
	require.True(t, drained, "no way to be fooled: %s", snapshot)
	require.EqualValues(t, 1, b.Messages(topology.Responses), "and yet a response waits")

	for number := range 8 {
		before := b.Messages(topology.Responses)
		b.Ask(1)
		drained, snapshot, err = check(b.Context(), interrupted(b, number, answer))
		require.NoError(t, err)
		require.False(t, drained, "answered before reading %d: %s", number, snapshot)
		require.Equal(t, before+1, b.Messages(topology.Responses))
	}
}

// Read once, a message that is redriven between two readings is nowhere.
func TestCheck_OnePassIsWrongDuringARedrive(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.PlantDead(1)
	dead, err := deadletter.Open(b.Context(), b.JS)
	require.NoError(t, err)
	redrive := func() {
		for letter, err := range dead.All(b.Context()) {
			require.NoError(t, err)
			require.NoError(t, dead.Redrive(b.Context(), letter))
		}
	}
	setAside := func() { // again, by a service that still cannot read it
		stop := b.Generator(generator.Options{})
		b.Eventually(func() bool { return b.Messages(topology.Requests) == 0 }, "it is a letter again")
		stop()
	}

	drained, snapshot, err := forwards(b.Context(), interrupted(b, 1, redrive)) // REQUESTS was read
	require.NoError(t, err)
	require.True(t, drained, "no way to be fooled: %s", snapshot)
	require.Zero(t, snapshot.DeadLetters())
	require.EqualValues(t, 1, b.Messages(topology.Requests), "and yet a request waits, and is not among the letters counted")

	for number := range 8 {
		setAside()
		drained, snapshot, err = check(b.Context(), interrupted(b, number, redrive))
		require.NoError(t, err)
		require.False(t, drained, "redriven before reading %d: %s", number, snapshot)
	}

	setAside()
	drained, snapshot, err = Check(b.Context(), b.JS)
	require.NoError(t, err)
	require.True(t, drained)
	require.EqualValues(t, 1, snapshot.DeadLetters())
}
