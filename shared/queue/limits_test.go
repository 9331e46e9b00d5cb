package queue_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/topology"
)

// A broker, an account or a consumer may limit what one request asks for. Each
// limit is learned from the refusal.
func TestConsume_ObeysTheLimitsOfTheBroker(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]func(*jetstream.ConsumerConfig){
		"MaxRequestBatch of 100":       func(c *jetstream.ConsumerConfig) { c.MaxRequestBatch = 100 },
		"MaxRequestMaxBytes of 100000": func(c *jetstream.ConsumerConfig) { c.MaxRequestMaxBytes = 100_000 },
		"MaxRequestExpires of 1s":      func(c *jetstream.ConsumerConfig) { c.MaxRequestExpires = time.Second },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, topology.Settings{})
			f.change(limit)
			q := f.requests()
			h := newHandled()
			f.consume(q, h.handle)
			values := f.publish(q, 3000)
			f.drained()
			h.requireEachOnce(t, values)
			more := f.publish(q, 1)
			f.eventually(func() bool { return h.of(more[0]) == 1 }, "it does not wait for more")
			f.eventually(func() bool { return f.logs.lines("the broker limits requests", name) > 0 }, "the limit is not logged")
			require.Zero(t, f.logs.lines("turns down"))
		})
	}
}

func TestConsume_ObeysTheLimitOfTheServer(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{}, func(o *server.Options) { o.JetStreamLimits.MaxRequestBatch = 50 })
	q := f.requests()
	h := newHandled()
	f.consume(q, h.handle)
	values := f.publish(q, 3000)
	f.drained()
	h.requireEachOnce(t, values)
}

// A limit may be lowered while a service runs.
func TestConsume_ObeysALimitThatChanges(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	q := f.requests()
	h := newHandled()
	f.consume(q, h.handle)
	all := 0
	for _, batch := range []int{300, 50, 10} {
		f.change(func(c *jetstream.ConsumerConfig) { c.MaxRequestBatch = batch })
		f.publish(q, 2000)
		all += 2000
		f.drained()
		require.Equal(t, all, h.count())
	}
}
