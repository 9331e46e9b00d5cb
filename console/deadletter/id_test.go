package deadletter_test

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/deadletter"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/shared/topology"
)

// discard removes the dead letter that has that sequence now.
func discard(t *testing.T, b *testbed.Bed, l *deadletter.Queue, sequence uint64) {
	t.Helper()
	letter, err := l.Get(b.Context(), sequence)
	require.NoError(t, err)
	require.NoError(t, l.Discard(b.Context(), letter))
}

// remade deletes the dead letters' stream and makes it again, with one that was not
// there before.
func remade(t *testing.T, b *testbed.Bed) {
	t.Helper()
	stream, err := b.JS.Stream(b.Context(), topology.DeadLetters)
	require.NoError(t, err)
	require.NoError(t, b.JS.DeleteStream(b.Context(), topology.DeadLetters))
	_, err = b.JS.CreateStream(b.Context(), stream.CachedInfo().Config)
	require.NoError(t, err)
	_, err = b.JS.PublishMsg(b.Context(), &nats.Msg{
		Subject: "dead.REQUESTS.other", Header: nats.Header{"Dead-Subject": {topology.SubjectRequest}},
	})
	require.NoError(t, err)
}

func TestNamed(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	l := open(t, b)
	b.PlantDead(2)
	all := list(t, b, l)
	require.Regexp(t, `^1-[0-9a-f]{8}$`, all[0].ID)
	require.Regexp(t, `^2-[0-9a-f]{8}$`, all[1].ID)
	for _, want := range all {
		got, err := l.Named(b.Context(), want.ID)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"", "1", "-", "1-", "1-9f3a", "01-9f3a21c4", "1-9F3A21C4", "x-9f3a21c4", "99999999999999999999-9f3a21c4", all[0].ID + "0"} {
		_, err := l.Named(b.Context(), text)
		require.ErrorIs(t, err, deadletter.ErrInvalidID, text)
	}
	require.NoError(t, l.Discard(b.Context(), all[0]))
	_, err := l.Named(b.Context(), all[0].ID)
	require.ErrorIs(t, err, deadletter.ErrNotFound)
}

// A dead letter is not taken for the one that has its sequence after the stream
// was made again.
func TestNamed_KnowsARemadeStream(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	l := open(t, b)
	b.PlantDead(1)
	before := list(t, b, l)[0]
	remade(t, b)
	after := list(t, b, l)[0]
	require.Equal(t, before.Sequence, after.Sequence)
	require.NotEqual(t, before.ID, after.ID)
	_, err := l.Named(b.Context(), before.ID)
	require.ErrorIs(t, err, deadletter.ErrNotFound)
	require.ErrorContains(t, err, "its number belongs to "+after.ID+" now")
}

func TestDiscard_LeavesWhatARemadeStreamHas(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	l := open(t, b)
	b.PlantDead(1)
	before := list(t, b, l)[0]
	remade(t, b)
	require.NoError(t, l.Discard(b.Context(), before), "it is gone")
	require.Len(t, list(t, b, l), 1, "the other one is not")
	require.NoError(t, l.Redrive(b.Context(), before), "its message is known, and is published")
	require.EqualValues(t, 1, b.Messages(topology.Requests))
	require.Len(t, list(t, b, l), 1)
}
