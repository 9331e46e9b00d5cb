package publish_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
)

// While a queue is full only some messages of a call are stored at a time. What is
// stored is not sent again with each call.
func TestPublish_StoresFewMessagesTwiceWhileTheStreamIsFull(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	queue := stream
	queue.Retention, queue.Discard, queue.MaxMsgs = jetstream.WorkQueuePolicy, jetstream.DiscardNew, 100
	js := create(t, broker, queue)
	p := publisher(t, broker.Connect())
	const calls, each = 20, 90
	done := make(chan error, 1)
	go func() {
		for range calls {
			batch := messages("work.a", each)
			for _, m := range batch {
				m.Header = nil // nothing keeps the broker from storing one twice
			}
			if err := complete(p.Publish(t.Context(), queue.Name, batch)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	consumer, err := js.CreateConsumer(t.Context(), queue.Name, jetstream.ConsumerConfig{AckPolicy: jetstream.AckExplicitPolicy})
	require.NoError(t, err)
	for {
		select {
		case err := <-done:
			require.NoError(t, err)
			s, err := js.Stream(t.Context(), queue.Name)
			require.NoError(t, err)
			twice := int(s.CachedInfo().State.LastSeq) - calls*each
			t.Log(twice, "messages of", calls*each, "are stored twice")
			require.LessOrEqual(t, twice, calls*each/8)
			return
		default:
		}
		if m, err := consumer.Next(jetstream.FetchMaxWait(100 * time.Millisecond)); err == nil {
			require.NoError(t, m.DoubleAck(t.Context()))
		}
	}
}
