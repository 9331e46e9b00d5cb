package stage

import (
	"context"
	"time"

	"decoupled.example/console/depth"
	"decoupled.example/demo/deployment"
	"decoupled.example/shared/topology"
)

// sampleEvery is how often the depths are read for those who watch.
const sampleEvery = 100 * time.Millisecond

// Sample is how deep the queues were at one time, and how much was finished.
type Sample struct {
	At       time.Time
	Queues   []depth.Depth
	Asked    uint64
	Received uint64
}

// sampler watches a deployment.
type sampler struct {
	cancel  context.CancelFunc
	ended   chan struct{}
	samples []Sample // to be read after ended is closed
}

func watch(o deployment.Operator, teller Teller) *sampler {
	ctx, cancel := context.WithCancel(context.Background()) // ended by stop
	w := &sampler{cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		tick := time.NewTicker(sampleEvery)
		defer tick.Stop()
		for {
			if s, err := read(ctx, o); err == nil { // else the broker is going or coming
				w.samples = append(w.samples, s)
				teller.Sampled(s)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return w
}

// stop ends the watching and returns what was seen.
func (w *sampler) stop() []Sample {
	w.cancel()
	<-w.ended
	return w.samples
}

func read(ctx context.Context, o deployment.Operator) (s Sample, err error) {
	s.At = time.Now()
	if s.Queues, err = depth.Read(ctx, o.JS); err != nil {
		return s, err
	}
	if s.Asked, err = o.Topology.Ledger(topology.Asked).Count(ctx); err != nil {
		return s, err
	}
	s.Received, err = o.Topology.Ledger(topology.Received).Count(ctx)
	return s, err
}
