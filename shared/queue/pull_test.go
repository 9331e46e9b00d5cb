package queue_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/topology"
)

// A replica that has nothing to do asks as good as never: each of its two loops
// has one request open for half a minute.
func TestNothingToDoCostsNoRequests(t *testing.T) {
	t.Parallel()
	for name, calm := range map[string]func(f *fixture){
		"nothing there": func(*fixture) {},
		"paused, with messages waiting": func(f *fixture) {
			f.publish(f.requests(), 100)
			stream, err := f.js.Stream(f.Context(), topology.Requests)
			require.NoError(f, err)
			_, err = stream.PauseConsumer(f.Context(), topology.Generator, time.Now().Add(time.Hour))
			require.NoError(f, err)
		},
		"as many in hand as may be": func(f *fixture) {
			f.change(func(c *jetstream.ConsumerConfig) { c.MaxAckPending = 5 })
			f.publish(f.requests(), 100)
			f.take(5)
		},
		"all is in others' hands": func(f *fixture) {
			f.publish(f.requests(), 100)
			f.take(100)
		},
		"all is to come later": func(f *fixture) {
			f.publish(f.requests(), 100)
			for _, m := range f.take(100) {
				require.NoError(f, m.NakWithDelay(time.Hour))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, topology.Settings{AckWait: never})
			calm(f)
			asked := f.tap("$JS.API.CONSUMER.MSG.NEXT.>")
			h := newHandled()
			f.consume(f.requests(), h.handle)
			f.eventually(func() bool { return f.consumer().NumWaiting == 2 }, "nothing is asked for")
			<-time.After(2 * time.Second) // a loop that spins asks thousands of times
			require.Len(t, asked.sent(""), 2)
			require.Zero(t, h.count())
		})
	}
}

// While a consumer is paused, the broker turns down requests for more than there
// is. Such a loop asks again, but less and less often.
func TestRequestsThatAreTurnedDownAreNotRepeatedAtOnce(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	f.publish(f.requests(), 3)
	stream, err := f.js.Stream(t.Context(), topology.Requests)
	require.NoError(t, err)
	_, err = stream.PauseConsumer(t.Context(), topology.Generator, time.Now().Add(time.Hour))
	require.NoError(t, err)
	other := f.connect()
	_, err = other.SubscribeSync("kept.open") // before asking: the broker drops a request that nobody listens for
	require.NoError(t, err)
	require.NoError(t, other.PublishRequest(fmt.Sprintf("$JS.API.CONSUMER.MSG.NEXT.%s.%s", topology.Requests, topology.Generator), "kept.open", []byte(`{"batch":1000,"expires":600000000000}`)))
	f.eventually(func() bool { return f.consumer().NumWaiting == 1 }, "the other's request is not open")

	asked := f.tap("$JS.API.CONSUMER.MSG.NEXT.>")
	h := newHandled()
	f.consume(f.requests(), h.handle)
	f.eventually(func() bool { return len(asked.sent("")) >= 16 }, "nothing is asked for")
	<-time.After(2 * time.Second)
	require.LessOrEqual(t, len(asked.sent("")), 30)
	require.Zero(t, h.count())
}

// change updates the consumer's configuration.
func (f *fixture) change(change func(*jetstream.ConsumerConfig)) {
	f.Helper()
	config := f.consumer().Config
	change(&config)
	_, err := f.js.UpdateConsumer(f.Context(), topology.Requests, config)
	require.NoError(f, err)
}

// take has n messages delivered to nobody who would settle them.
func (f *fixture) take(n int) []jetstream.Msg {
	f.Helper()
	c, err := f.js.Consumer(f.Context(), topology.Requests, topology.Generator)
	require.NoError(f, err)
	batch, err := c.Fetch(n, jetstream.FetchMaxWait(patience))
	require.NoError(f, err)
	var messages []jetstream.Msg
	for m := range batch.Messages() {
		messages = append(messages, m)
	}
	require.NoError(f, batch.Error())
	require.Len(f, messages, n)
	return messages
}
