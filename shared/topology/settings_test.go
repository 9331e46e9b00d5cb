package topology_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/topology"
)

func streamOf(t *testing.T, settings topology.Settings, name string) jetstream.StreamConfig {
	t.Helper()
	streams, err := topology.Streams(settings)
	require.NoError(t, err)
	for _, config := range streams {
		if config.Name == name {
			return config
		}
	}
	require.FailNow(t, "there is no stream "+name)
	return jetstream.StreamConfig{}
}

// A queue takes less than the broker does: a dead letter is larger than its message.
func TestStreams_TakeOnlyWhatCanBeRedriven(t *testing.T) {
	t.Parallel()
	for payload, want := range map[int64]int32{
		0: topology.MaxMessage, 1 << 20: topology.MaxMessage, 256_000: topology.MaxMessage,
		100 << 10: 84 << 10, 20 << 10: 5 << 10, 16 << 10: 4 << 10,
	} {
		require.Equal(t, want, streamOf(t, topology.Settings{MaxPayload: payload}, topology.Requests).MaxMsgSize, payload)
	}
	_, err := topology.Streams(topology.Settings{MaxPayload: 8 << 10})
	require.EqualError(t, err, "the broker must take messages of at least 16384 bytes, not 8192: raise its max_payload")
}

func TestStreams_DeduplicateNoLongerThanTheBrokerDoes(t *testing.T) {
	t.Parallel()
	streams, err := topology.Streams(topology.Settings{MaxDuplicates: 10 * time.Second})
	require.NoError(t, err)
	for _, config := range streams {
		require.Equal(t, 10*time.Second, config.Duplicates, config.Name)
	}
	require.Equal(t, 10*time.Minute, streamOf(t, topology.Settings{}, topology.DeadLetters).Duplicates)
}
