package queue

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
)

// work makes a queue with n messages of a size, and its puller.
func work(t *testing.T, broker *brokertest.Broker, n, size int) *puller {
	t.Helper()
	js, err := jetstream.New(broker.Connect(), jetstream.WithPublishAsyncMaxPending(n))
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "WORK", Subjects: []string{"work"}, Retention: jetstream.WorkQueuePolicy})
	require.NoError(t, err)
	_, err = js.CreateConsumer(t.Context(), "WORK", jetstream.ConsumerConfig{
		Durable: "worker", AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Hour, MaxAckPending: -1,
	})
	require.NoError(t, err)
	for range n {
		_, err := js.PublishAsync("work", make([]byte, size))
		require.NoError(t, err)
	}
	<-js.PublishAsyncComplete()
	p, err := newPuller(broker.Connect(), slog.New(slog.DiscardHandler), &limits{log: slog.New(slog.DiscardHandler)}, "WORK", "worker")
	require.NoError(t, err)
	return p
}

// A puller is stopped while a batch is on its way. Whatever the broker has sent
// it must return: the rest would be stranded.
func TestStop_ReturnsArrivingMessages(t *testing.T) {
	t.Parallel()
	const n = 6 * maxBatch // more than the stops can take
	broker := brokertest.Start(t)
	p := work(t, broker, n, 4<<10)
	seen := make(map[uint64]bool)
	see := func(messages ...*nats.Msg) {
		for _, m := range messages {
			meta, err := m.Metadata()
			require.NoError(t, err)
			seen[meta.Sequence.Stream] = true
		}
	}
	for range 5 {
		require.NoError(t, p.ask(t.Context(), p.limits.apply(maxBatch, maxBytes)))
		first := <-p.in
		for !isDelivery(first) { // turned down: the one before is not forgotten yet
			require.NoError(t, p.ask(t.Context(), p.limits.apply(maxBatch, maxBytes)))
			first = <-p.in
		}
		see(first)
		see(p.stop(flushing(p.conn))...)
		var err error
		p, err = newPuller(broker.Connect(), slog.New(slog.DiscardHandler), &limits{log: slog.New(slog.DiscardHandler)}, "WORK", "worker")
		require.NoError(t, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for len(seen) < n {
		messages, err := p.next(ctx, maxBatch)
		require.NoError(t, err, "%d are stranded", n-len(seen))
		see(messages...)
	}
	require.Empty(t, p.stop(flushing(p.conn)))
}

// What arrives for a request that was given up is handled as well.
func TestLateAnswersAreReturned(t *testing.T) {
	t.Parallel()
	p := work(t, brokertest.Start(t), 10, 1)
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, p.ask(ctx, p.limits.apply(10, maxBytes)))
	require.Eventually(t, func() bool { return len(p.in) == 11 }, 10*time.Second, time.Millisecond, "10, and their end")
	batch, err := p.next(ctx, 4)
	require.NoError(t, err)
	require.Len(t, batch, 4)
	cancel()
	_, err = p.next(ctx, 4)
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, p.stop(flushing(p.conn)), 6)
}

func TestIsDelivery(t *testing.T) {
	t.Parallel()
	require.True(t, isDelivery(&nats.Msg{Reply: "$JS.ACK.S.c.1.1.1.1.0"}))
	require.True(t, isDelivery(&nats.Msg{Reply: "$JS.ACK.domain.account.S.c.1.1.1.1.0.x"}))
	require.True(t, isDelivery(&nats.Msg{Reply: "$JS.ACK.S.c.1.1.1.1.0", Header: nats.Header{"Status": {"503"}}}))
	require.False(t, isDelivery(&nats.Msg{Header: nats.Header{"Status": {"404"}}}))
	require.False(t, isDelivery(&nats.Msg{}))
}

// On a cluster the end of a batch overtakes its messages, which must first be
// replicated. Taken for a refusal it would cost a pause for each batch.
func TestEndOfABatchMayOvertakeItsMessages(t *testing.T) {
	t.Parallel()
	cluster := brokertest.StartCluster(t)
	js, err := jetstream.New(cluster.Connect(), jetstream.WithDefaultTimeout(30*time.Second))
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "WORK", Subjects: []string{"work"}, Retention: jetstream.WorkQueuePolicy, Replicas: 3})
	require.NoError(t, err)
	_, err = js.CreateConsumer(t.Context(), "WORK", jetstream.ConsumerConfig{Durable: "worker", AckPolicy: jetstream.AckExplicitPolicy})
	require.NoError(t, err)
	p, err := newPuller(cluster.Connect(), slog.New(slog.DiscardHandler), &limits{log: slog.New(slog.DiscardHandler)}, "WORK", "worker")
	require.NoError(t, err)
	for name, c := range map[string]struct{ rounds, publish, size, ask, get int }{
		"as many as it asked for": {20, 1, 0, 1, 1},
		"as large as it may be":   {2, 16, 900 << 10, 100, maxBytes / (900 << 10)},
	} {
		for range c.rounds {
			for range c.publish {
				_, err := js.PublishAsync("work", make([]byte, c.size))
				require.NoError(t, err)
			}
			<-js.PublishAsyncComplete()
			for left := c.publish; left > 0; {
				messages, err := p.next(t.Context(), c.ask)
				if errors.Is(err, errNotThere) { // a node that has not heard of it yet, or elects
					continue
				}
				require.NoError(t, err)
				require.Len(t, messages, min(c.get, left), name)
				require.Equal(t, shortestPause, p.pause, "%s: it was taken for a refusal", name)
				left -= len(messages)
			}
		}
	}
	p.stop(flushing(p.conn))
}

func flushing(conn *nats.Conn) func() { return func() { _ = conn.FlushTimeout(time.Minute) } }
