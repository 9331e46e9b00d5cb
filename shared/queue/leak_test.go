package queue_test

import (
	"bytes"
	"context"
	"errors"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

// Goroutines inherit the labels of the one that starts them.
func TestConsumeLeavesNoGoroutineBehind(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{AckWait: time.Second})
	conn := f.connect()
	q := f.requestsOver(conn, patience)
	_, err := conn.Request("nobody", nil, patience) // the connection's own goroutine for answers
	require.ErrorIs(t, err, nats.ErrNoResponders)
	labels := pprof.Labels("test", t.Name())
	running := func() string {
		var profile bytes.Buffer
		require.NoError(t, pprof.Lookup("goroutine").WriteTo(&profile, 1))
		var mine []string
		for stack := range strings.SplitSeq(profile.String(), "\n\n") {
			if strings.Contains(stack, "# labels: ") && strings.Contains(stack, t.Name()) {
				mine = append(mine, stack)
			}
		}
		return strings.Join(mine, "\n\n")
	}
	for range 5 {
		f.publish(q, 100)
		h := newHandled()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go pprof.Do(ctx, labels, func(ctx context.Context) {
			done <- q.Consume(ctx, func(ctx context.Context, batch []queue.Message[request]) error {
				if h.count() == 50 {
					return errors.New("some fail")
				}
				return h.handle(ctx, batch)
			})
		})
		f.drained()
		require.Contains(t, running(), "queue.(*puller).collect", "the test must see goroutines")
		pprof.Do(t.Context(), labels, func(context.Context) { cancel() })
		require.NoError(t, receive(t, done, "Consume did not return"))
	}
	f.eventually(func() bool { return running() == "" }, "goroutines are left")
}
