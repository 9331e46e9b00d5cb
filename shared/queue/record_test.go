package queue_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

// Each loop has a message whose records cannot be read. It must not wait for them
// for ever.
func TestRecords_MissingOnesDoNotStopOtherMessages(t *testing.T) {
	t.Parallel()
	for name, deliveries := range map[string]int{"delivered before": 1, "suspicious": 4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, topology.Settings{AckWait: never})
			q := f.requests()
			bucket := f.stream("KV_" + topology.Attempts).Config
			require.NoError(t, f.js.DeleteStream(t.Context(), bucket.Name))
			again := f.publish(q, 4)
			f.deliver(topology.Requests, topology.Generator, deliveries)
			h := newHandled()
			f.consume(q, h.handle)
			f.eventually(func() bool { return f.logs.lines("cannot read attempt records yet", "run setup") > 0 }, "the log does not say what to do")
			fresh := f.publish(q, 20)
			f.eventually(func() bool { return h.count() == 20 }, "others must go on")
			h.requireEachOnce(t, fresh)

			_, err := f.js.CreateStream(t.Context(), bucket)
			require.NoError(t, err)
			f.drained()
			h.requireEachOnce(t, append(again, fresh...))
			require.Empty(t, f.letters())
		})
	}
}

// One that the bucket refuses is refused each time.
func TestRecords_RefusedOnesDelayTheirMessage(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	bucket := f.stream("KV_" + topology.Attempts).Config
	bucket.MaxMsgSize = 10
	_, err := f.js.UpdateStream(t.Context(), bucket)
	require.NoError(t, err)
	config := quickConfig()
	config.MaxBackoff = 200 * time.Millisecond
	q := queue.New(f.client(f.connect(), patience), config, contract.Requests)
	f.publish(q, 1)
	f.suspicious(topology.Requests, topology.Generator)
	begun := time.Now()
	f.consume(q, newHandled().handle)
	f.eventually(func() bool { return q.Counts().Returned >= 5 }, "the message does not come again")
	require.GreaterOrEqual(t, time.Since(begun), 4*config.MaxBackoff)
	require.Equal(t, 1, f.logs.lines("cannot use attempt records"), "once is enough for a while")
}

// No message may wait for ever for a record that nobody can read.
func TestRecords_UnreadableOnesCountAnew(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: never})
	q := f.requests()
	values := f.publish(q, 2)
	f.suspicious(topology.Requests, topology.Generator)
	kv, err := f.js.KeyValue(t.Context(), topology.Attempts)
	require.NoError(t, err)
	key := fmt.Sprintf("%s.1.%d", topology.Requests, f.message(1).Time.UnixNano())
	_, err = kv.Create(t.Context(), key, []byte(`{"failures":"many"}`))
	require.NoError(t, err)
	h := newHandled()
	f.consume(q, h.handle)
	f.drained()
	h.requireEachOnce(t, values)
	require.Positive(t, f.logs.lines("attempt record is unreadable", key))
	f.eventually(func() bool {
		_, err := kv.Get(t.Context(), key)
		return errors.Is(err, jetstream.ErrKeyNotFound)
	}, "the record is left")
}
