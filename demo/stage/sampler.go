package stage

import (
	"context"
	"time"

	"decoupled.example/console/depth"
	"decoupled.example/demo/deployment"
	"decoupled.example/shared/topology"
)

// sampleEvery is how often the depths are read for those who watch, at first.
const sampleEvery = 100 * time.Millisecond

// manySamples are far more than a screen has cells.
const manySamples = 4096

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

func watch(o deployment.Operator, teller Reporter) *sampler {
	ctx, cancel := context.WithCancel(context.Background()) // ended by stop
	w := &sampler{cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		every := sampleEvery
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			if s, err := read(ctx, o); err == nil { // else the broker is going or coming
				w.samples = append(w.samples, s)
				teller.Sampled(s)
			}
			if thin := Thin(w.samples); len(thin) < len(w.samples) {
				w.samples = thin
				every *= 2 // so that they stay evenly spaced
				tick.Reset(every)
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

// Thin leaves out every second sample when there are very many. Who keeps all
// that a Teller hears does well to call it after each.
func Thin(samples []Sample) []Sample {
	if len(samples) < manySamples {
		return samples
	}
	thin := make([]Sample, 0, manySamples)
	for i := 1; i < len(samples); i += 2 { // the last one stays
		thin = append(thin, samples[i])
	}
	return thin
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
