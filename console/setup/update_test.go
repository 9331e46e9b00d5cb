package setup_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/setup"
	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/topology"
)

func TestUpdateChangesWhatCanBeChangedSafely(t *testing.T) {
	t.Parallel()
	js, err := jetstream.New(brokertest.Start(t).Connect())
	require.NoError(t, err)
	_, err = setup.Apply(t.Context(), js, topology.Settings{})
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), topology.SubjectRequest, []byte("stays"))
	require.NoError(t, err)

	changed := topology.Settings{MaxBytes: 2 << 30, AckWait: 20 * time.Second, Keep: 24 * time.Hour}
	result, err := setup.Update(t.Context(), js, changed)
	require.NoError(t, err)
	require.Contains(t, result.Updated, topology.Requests)
	require.Contains(t, result.Updated, topology.Requests+"/"+topology.Generator)
	require.Contains(t, result.Updated, "KV_"+topology.Stored)

	result, err = setup.Apply(t.Context(), js, changed)
	require.NoError(t, err, "all is as it should be now")
	require.Empty(t, result.Updated)
	stream, err := js.Stream(t.Context(), topology.Requests)
	require.NoError(t, err)
	require.EqualValues(t, 1, stream.CachedInfo().State.Msgs)
}

func TestUpdateLeavesAloneWhatCannotBeChangedSafely(t *testing.T) {
	t.Parallel()
	js, err := jetstream.New(brokertest.Start(t).Connect())
	require.NoError(t, err)
	before, err := js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "KV_" + topology.Asked, Subjects: []string{"$KV." + topology.Asked + ".>"}, MaxBytes: 1 << 20,
	})
	require.NoError(t, err)

	_, err = setup.Update(t.Context(), js, topology.Settings{})

	var different *setup.DifferentError
	require.ErrorAs(t, err, &different)
	require.Contains(t, different.Error(), "max_msgs_per_subject")
	after, err := js.Stream(t.Context(), "KV_"+topology.Asked)
	require.NoError(t, err)
	require.Equal(t, before.CachedInfo().Config, after.CachedInfo().Config)
}
