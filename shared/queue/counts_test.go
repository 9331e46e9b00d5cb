package queue_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

func TestCountsAreMetrics(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	client := f.client(f.connect(), patience)
	q := queue.New(client, quickConfig(), contract.Requests)
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(q))
	require.NoError(t, registry.Register(f.responsesOf(client)), "the queues of a process in one registry")
	require.Error(t, registry.Register(q), "twice the same")

	values := f.publish(q, 10)
	raw(t, f.url, topology.SubjectRequest, "NATS/1.0\r\n\r\n", "poison")
	f.consume(q, func(_ context.Context, batch []queue.Message[request]) error {
		if has(batch, values[3]) && batch[0].Deliveries == 1 {
			return errors.New("not at first")
		}
		return nil
	})
	f.drained()
	require.Equal(t, queue.Counts{
		Published: 10, Acknowledged: 10, Redelivered: 1, Failed: 1, DeadLettered: 1,
	}, q.Counts())

	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
	require.NoError(t, testutil.CollectAndCompare(q, strings.NewReader(`
# HELP decoupled_consumption_backing_off Whether consumption backs off because nothing succeeds: 1 if so.
# TYPE decoupled_consumption_backing_off gauge
decoupled_consumption_backing_off{queue="REQUESTS"} 0
# HELP decoupled_handler_calls_stuck Handler calls that exceeded their timeout and have not returned.
# TYPE decoupled_handler_calls_stuck gauge
decoupled_handler_calls_stuck{queue="REQUESTS"} 0
# HELP decoupled_handler_timeouts_total Handler calls that exceeded their timeout.
# TYPE decoupled_handler_timeouts_total counter
decoupled_handler_timeouts_total{queue="REQUESTS"} 0
# HELP decoupled_messages_acknowledged_total Messages handled and acknowledged.
# TYPE decoupled_messages_acknowledged_total counter
decoupled_messages_acknowledged_total{queue="REQUESTS"} 10
# HELP decoupled_messages_dead_lettered_total Messages that became dead letters.
# TYPE decoupled_messages_dead_lettered_total counter
decoupled_messages_dead_lettered_total{queue="REQUESTS"} 1
# HELP decoupled_messages_failed_total Attempts of single messages that failed.
# TYPE decoupled_messages_failed_total counter
decoupled_messages_failed_total{queue="REQUESTS"} 1
# HELP decoupled_messages_handed_back_total Messages returned to the queue untried, as at a shutdown.
# TYPE decoupled_messages_handed_back_total counter
decoupled_messages_handed_back_total{queue="REQUESTS"} 0
# HELP decoupled_messages_published_total Messages the broker confirmed to have stored.
# TYPE decoupled_messages_published_total counter
decoupled_messages_published_total{queue="REQUESTS"} 10
# HELP decoupled_messages_redelivered_total Deliveries that were not a message's first.
# TYPE decoupled_messages_redelivered_total counter
decoupled_messages_redelivered_total{queue="REQUESTS"} 1
# HELP decoupled_messages_retried_total Messages returned to the queue because a dependency failed.
# TYPE decoupled_messages_retried_total counter
decoupled_messages_retried_total{queue="REQUESTS"} 0
`)))
}

func TestCounts_CountsReturnedMessages(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	q := f.requestsOver(f.connect(), 2*time.Second)
	f.publish(q, 1)
	begun := make(chan struct{})
	c := f.consume(q, func(ctx context.Context, _ []queue.Message[request]) error {
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	})
	receive(t, begun, "nothing is handled")
	c.stop()
	counts := q.Counts()
	require.Positive(t, counts.Returned) // the other loop may get it, and hand it back too
	counts.Returned = 0
	require.Equal(t, queue.Counts{Published: 1}, counts)
}
