package verify_test

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/drain"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/shared/brokertest"
)

// A broker with a small max_payload takes no request that names many entries.
// Services and verification ask for fewer at once.
func TestRun_WithSmallMaxPayload(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t, func(o *server.Options) { o.MaxPayload = 16 << 10 })
	b := testbed.On(t, broker.URL())
	const n = 1000
	asked := b.Ask(n)
	require.NoError(t, b.Topology.Requests.Publish(b.Context(), asked...)) // so that the ledgers are read
	b.Services()
	require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
	verdict := run(t, b)
	require.True(t, verdict.Finished(), "%+v", verdict)
	require.EqualValues(t, n, verdict.Complete)
}
