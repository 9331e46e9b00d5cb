package brokertest_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
)

// A pull request that waits while its consumer is paused is answered as soon as
// the consumer is resumed. Until nats-server 2.15.3 it was answered at the next
// heartbeat.
func TestResume_AnswersWaitingPullRequests(t *testing.T) {
	t.Parallel()
	for name, replicas := range map[string]int{"one node": 1, "three nodes": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var nc *nats.Conn
			if replicas == 1 {
				nc = brokertest.Start(t).Connect()
			} else {
				nc = brokertest.StartCluster(t).Connect()
			}
			js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(30*time.Second))
			require.NoError(t, err)
			_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "WORK", Subjects: []string{"work"}, Retention: jetstream.WorkQueuePolicy, Replicas: replicas})
			require.NoError(t, err)
			consumer, err := js.CreateConsumer(t.Context(), "WORK", jetstream.ConsumerConfig{Durable: "worker", AckPolicy: jetstream.AckExplicitPolicy})
			require.NoError(t, err)
			_, err = js.PauseConsumer(t.Context(), "WORK", "worker", time.Now().Add(time.Hour))
			require.NoError(t, err)
			_, err = js.Publish(t.Context(), "work", []byte("a"))
			require.NoError(t, err)

			answers, err := nc.SubscribeSync(nc.NewInbox())
			require.NoError(t, err)
			request := `{"batch":10,"no_wait":true,"expires":60000000000,"idle_heartbeat":20000000000}` // 60 s and 20 s
			require.Eventually(t, func() bool {
				// A node of a cluster drops a request until it knows where the consumer is.
				require.NoError(t, nc.PublishRequest("$JS.API.CONSUMER.MSG.NEXT.WORK.worker", answers.Subject, []byte(request)))
				info, err := consumer.Info(t.Context())
				return err == nil && info.NumWaiting > 0
			}, 30*time.Second, 100*time.Millisecond, "no request waits")
			_, err = js.ResumeConsumer(t.Context(), "WORK", "worker")
			require.NoError(t, err)

			first, err := answers.NextMsg(30 * time.Second)
			for err == nil && first.Header.Get("Status") == "408" { // refused, as another request waits
				first, err = answers.NextMsg(30 * time.Second)
			}
			require.NoError(t, err)
			require.Equal(t, "a", string(first.Data), "before any heartbeat: %v", first.Header)
		})
	}
}
