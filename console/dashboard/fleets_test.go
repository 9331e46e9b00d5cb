package dashboard_test

import (
	"context"
	"errors"
	"sync"

	"decoupled.example/console/internal/testbed"
	"decoupled.example/generator"
	"decoupled.example/requestor"
	"decoupled.example/shared/topology"
)

// fleets are real services of a bed.
type fleets struct {
	bed *testbed.Bed

	mu   sync.Mutex
	stop map[string][]func()
}

func (f *fleets) Replicas(service string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.stop[service])
}

func (f *fleets) Scale(_ context.Context, service string, n int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stop == nil {
		f.stop = make(map[string][]func())
	}
	for len(f.stop[service]) < n {
		var stop func()
		if service == topology.Requestor {
			stop = f.bed.Requestor(requestor.Options{})
		} else {
			stop = f.bed.Generator(generator.Options{})
		}
		f.stop[service] = append(f.stop[service], stop)
	}
	for _, stop := range f.stop[service][n:] {
		stop()
	}
	f.stop[service] = f.stop[service][:n]
	return nil
}

func (f *fleets) Kill(context.Context, string) error { return errors.New("not in this test") }

// crowd is only a number of replicas. Scaling it begins and ends when the test
// says so.
type crowd struct {
	begun, end chan struct{} // nil: at once

	mu sync.Mutex
	n  int
}

func (c *crowd) Replicas(string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func (c *crowd) Scale(_ context.Context, _ string, n int) error {
	if c.begun != nil {
		c.begun <- struct{}{}
		<-c.end
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n = n
	return nil
}

func (c *crowd) Kill(context.Context, string) error { return errors.New("not in this test") }
