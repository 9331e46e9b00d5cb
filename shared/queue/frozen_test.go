package queue_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

// freezable is a way to the broker on which everything can come to a halt while
// the connection stays.
type freezable struct {
	listener net.Listener
	broker   string
	frozen   atomic.Bool
}

func (f *fixture) freezable() *freezable {
	f.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(f, err)
	z := &freezable{listener: listener, broker: f.broker.Server().Addr().String()}
	f.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			broker, err := net.Dial("tcp", z.broker)
			if err != nil {
				_ = client.Close()
				continue
			}
			go func() { _, _ = io.Copy(way{broker, z}, client); _ = broker.Close() }()
			go func() { _, _ = io.Copy(way{client, z}, broker); _ = client.Close() }()
		}
	}()
	return z
}

// way is one direction.
type way struct {
	net.Conn
	freezable *freezable
}

func (w way) Write(b []byte) (int, error) {
	if w.freezable.frozen.Load() {
		return len(b), nil
	}
	return w.Conn.Write(b)
}

// A broker that answers nothing must not make a shutdown take longer than it may.
func TestConsume_StopsInTimeWithoutAnswers(t *testing.T) {
	t.Parallel()
	const shutdownTimeout = 8 * time.Second
	for name, deliveries := range map[string]int{"in a batch": 0, "in quarantine": 4} {
		for _, hangs := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, hangs: %v", name, hangs), func(t *testing.T) {
				t.Parallel()
				f := start(t, topology.Settings{AckWait: never})
				way := f.freezable()
				through := *f
				through.url = "nats://" + way.listener.Addr().String()
				q := queue.New(through.client(through.connect(), shutdownTimeout), quickConfig(), contract.Requests)
				f.publish(f.requests(), 3)
				f.deliver(topology.Requests, topology.Generator, deliveries)
				hang := f.hang()
				begun := make(chan struct{}, 100)
				c := f.consume(q, func(ctx context.Context, batch []queue.Message[request]) error {
					way.frozen.Store(true)
					begun <- struct{}{}
					if hangs {
						hang()
					}
					return q.Publish(ctx, batch[0].Body)
				})
				receive(t, begun, "nothing is handled")
				stopped := time.Now()
				c.stop()
				require.Less(t, time.Since(stopped), shutdownTimeout)
			})
		}
	}
}
