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
