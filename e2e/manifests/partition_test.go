package manifests_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

// partitions are what the README says for a queue that is too much for one node:
// the broker divides its messages by their IDs, which are then the last part of
// their subjects.
const partitions = `mappings { "strings.request.*": "strings.request.{{partition(3,1)}}.{{wildcard(1)}}" }`

// Each message is in one part of the queue, and a repeated one in the same, where
// it is known.
func TestAQueueInParts(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nats.conf")
	require.NoError(t, os.WriteFile(file, []byte(partitions), 0o600))
	configured, err := server.ProcessConfigFile(file)
	require.NoError(t, err)
	broker := brokertest.Start(t, func(o *server.Options) { o.Accounts = configured.Accounts })
	js, err := jetstream.New(broker.Connect())
	require.NoError(t, err)

	streams, err := topology.Streams(topology.Settings{})
	require.NoError(t, err)
	whole := streams[slices.IndexFunc(streams, func(s jetstream.StreamConfig) bool { return s.Name == topology.Requests })]
	require.Equal(t, []string{"strings.request"}, whole.Subjects)
	for i := range 3 {
		part := whole
		part.Name = fmt.Sprintf("%s_%d", topology.Requests, i)
		part.Subjects = []string{fmt.Sprintf("strings.request.%d.*", i)}
		_, err := js.CreateStream(t.Context(), part)
		require.NoError(t, err)
	}

	const requests = 300
	in := make(map[string]int)
	for range requests {
		id := contract.NewID()
		first, err := js.Publish(t.Context(), "strings.request."+id, nil, jetstream.WithMsgID(id))
		require.NoError(t, err)
		require.False(t, first.Duplicate)
		in[first.Stream]++
		again, err := js.Publish(t.Context(), "strings.request."+id, nil, jetstream.WithMsgID(id))
		require.NoError(t, err)
		require.True(t, again.Duplicate)
		require.Equal(t, first.Stream, again.Stream)
	}
	require.Len(t, in, 3)
	for part, messages := range in {
		require.Greater(t, messages, requests/6, "%s has its share", part)
	}
}
