package brokertest_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
)

func TestRestart_HasTheSamePortAndData(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	url := b.URL()
	js, err := jetstream.New(b.Connect())
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "KEPT", Subjects: []string{"kept"}})
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), "kept", []byte("x"))
	require.NoError(t, err)

	b.Restart()

	require.Equal(t, url, b.URL())
	js, err = jetstream.New(b.Connect())
	require.NoError(t, err)
	s, err := js.Stream(t.Context(), "KEPT")
	require.NoError(t, err)
	require.EqualValues(t, 1, s.CachedInfo().State.Msgs)
}

func TestClusterOutlivesAStreamLeader(t *testing.T) {
	t.Parallel()
	c := brokertest.StartCluster(t)
	js, err := jetstream.New(c.Connect(), jetstream.WithDefaultTimeout(30*time.Second))
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "KEPT", Subjects: []string{"kept"}, Replicas: 3})
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), "kept", []byte("x"))
	require.NoError(t, err)

	first := c.StreamLeader("KEPT")
	first.Stop()

	require.NotSame(t, first, c.StreamLeader("KEPT"))
	first.Restart()
	c.WaitReady()
}
