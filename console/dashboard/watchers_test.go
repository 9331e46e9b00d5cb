package dashboard_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/dashboard"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

// A hundred browsers cost the broker as much as one. Some of them do not even
// read: that holds up nobody.
func TestHoweverManyWatchTheBrokerIsAskedOnce(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	var rounds atomic.Int64 // in each, the replicas are asked once
	_, err := b.Broker.Connect().Subscribe(service.StatusSubject(topology.Requestor), func(*nats.Msg) { rounds.Add(1) })
	require.NoError(t, err)
	address := serve(t, b, dashboard.Options{})
	// cheap asserts that less than 20 messages a round are sent to the broker.
	cheap := func() {
		t.Helper()
		first, sent := rounds.Load(), b.Conn.Stats().OutMsgs
		b.Eventually(func() bool { return rounds.Load() >= first+3 }, "three rounds")
		sent = b.Conn.Stats().OutMsgs - sent
		require.Positive(t, sent)
		require.Less(t, sent, uint64(20*(rounds.Load()-first+2)), "the rounds at both ends count too")
	}
	var reading atomic.Int64
	join := func(reads bool) {
		ctx, cancel := context.WithCancel(t.Context())
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/events", http.NoBody)
		require.NoError(t, err)
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		t.Cleanup(func() { cancel(); answer.Body.Close() })
		if reads {
			go func() {
				for buffer := make([]byte, 64<<10); err == nil; reading.Add(1) {
					_, err = answer.Body.Read(buffer)
				}
			}()
		}
	}
	join(true)
	cheap()
	for i := range 99 {
		join(i%2 == 0)
	}
	cheap()
	before := reading.Load()
	b.Ask(1)
	b.Eventually(func() bool { return reading.Load() > before+50 }, "those who read go on")
}
