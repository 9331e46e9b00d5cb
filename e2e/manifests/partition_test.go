package manifests_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/publish"
	"decoupled.example/shared/topology"
)

// partitions are what the README says for a queue that is too much for one node:
// the broker divides its messages by their IDs, which are then the last part of
// their subjects.
const partitions = `mappings { "strings.request.*": "strings.request.{{partition(3,1)}}.{{wildcard(1)}}" }`

// Each message is in one part of the queue, and a repeated one in the same.
func TestAQueueInParts(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nats.conf")
	require.NoError(t, os.WriteFile(file, []byte(partitions), 0o600))
	configured, err := server.ProcessConfigFile(file)
	require.NoError(t, err)
	broker := brokertest.Start(t, func(o *server.Options) { o.Accounts = configured.Accounts })
	js, err := jetstream.New(broker.Connect())
	require.NoError(t, err)

	streams, err := topology.Streams(topology.Settings{SyncAlways: true})
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

	// At once, as the requestor does: an atomic batch is for one stream, so each goes
	// by itself here. And once more.
	const requests = 300
	var messages []*nats.Msg
	for range requests {
		id := contract.NewID()
		messages = append(messages, &nats.Msg{Subject: "strings.request." + id, Header: nats.Header{jetstream.MsgIDHeader: {id}}})
	}
	publisher, err := publish.New(js.Conn(), zerolog.Nop())
	require.NoError(t, err)
	for range 2 {
		refused, err := publisher.Publish(t.Context(), topology.Requests, slices.Clone(messages))
		require.NoError(t, err)
		require.Empty(t, refused)
		var all uint64
		for i := range 3 {
			part, err := js.Stream(t.Context(), fmt.Sprintf("%s_%d", topology.Requests, i))
			require.NoError(t, err)
			in := part.CachedInfo().State.Msgs
			require.Greater(t, in, uint64(requests/6), "%s has its share", part.CachedInfo().Config.Name)
			all += in
		}
		require.EqualValues(t, requests, all, "each is in one part, and a repeated one is known there")
	}
}
