package embedded

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"decoupled.example/shared/service"
)

// Fleet is the replicas of one service. It may be used concurrently.
type Fleet struct {
	name   string
	broker service.Broker
	grace  time.Duration
	log    zerolog.Logger
	work   func() work

	mu       sync.Mutex
	replicas []*replica
}

// work is what one replica does until ctx ends. It is chosen when the replica
// starts, so that settings may change afterwards.
type work func(ctx context.Context, s *service.Service) error

// replica is one running service.
type replica struct {
	conn  *nats.Conn
	stop  context.CancelFunc
	ended chan struct{}
	err   error // why it ended; to be read after ended is closed
}

func newFleet(name string, broker service.Broker, grace time.Duration, log zerolog.Logger, work func() work) *Fleet {
	return &Fleet{name: name, broker: broker, grace: grace, work: work, log: log.With().Str("service", name).Logger()}
}

// Scale starts or stops replicas until there are n. It returns when those that
// stop have finished their work in progress.
func (f *Fleet) Scale(n int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.replicas) < n {
		r, err := f.start()
		if err != nil {
			return err
		}
		f.replicas = append(f.replicas, r)
	}
	leaving := f.replicas[n:]
	f.replicas = f.replicas[:n:n]
	for _, r := range leaving {
		r.stop()
	}
	var failed error
	for _, r := range leaving {
		<-r.ended
		failed = errors.Join(failed, r.err)
		r.conn.Close()
	}
	return failed
}

// Replicas is how many there are.
func (f *Fleet) Replicas() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.replicas)
}

// Kill ends the newest replica as a crash would: its connection is cut with work
// in progress, and nothing is returned.
func (f *Fleet) Kill() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.replicas) == 0 {
		return fmt.Errorf("cannot kill a %s: there is none", f.name)
	}
	last := len(f.replicas) - 1
	r := f.replicas[last]
	f.replicas = f.replicas[:last]
	r.conn.Close()
	r.stop()
	<-r.ended
	return nil
}

func (f *Fleet) start() (*replica, error) {
	ctx, stop := context.WithCancel(context.Background()) // ended by Scale or Kill
	conn, err := service.Connect(context.Background(), f.log, f.broker, f.name)
	if err != nil {
		stop()
		return nil, err
	}
	s, err := service.New(f.name, conn, f.log, f.grace)
	if err != nil {
		stop()
		conn.Close()
		return nil, err
	}
	r := &replica{conn: conn, stop: stop, ended: make(chan struct{})}
	serve := f.work()
	go func() {
		defer close(r.ended)
		if r.err = serve(ctx, s); r.err != nil {
			f.log.Warn().Err(r.err).Msg("a replica ended")
		}
	}()
	return r, nil
}
