package main

import (
	"context"
	"fmt"

	"github.com/rs/zerolog"

	"decoupled.example/console/dashboard"
	"decoupled.example/demo/embedded"
	"decoupled.example/demo/screen"
	"decoupled.example/shared/topology"
)

// serveDashboard serves the dashboard of a deployment until stop is called, which
// returns when it has ended.
func serveDashboard(o options, url string, d *embedded.Deployment, s *screen.Screen, log zerolog.Logger) (stop func(), err error) {
	if o.Dashboard == "" {
		return func() {}, nil
	}
	listener, err := dashboard.Listen(o.Dashboard, o.Dashboard == dashboard.DefaultAddress)
	if err != nil {
		return nil, err
	}
	if warning := dashboard.Warning(listener.Addr(), false); warning != "" {
		s.Print("%s", warning)
	}
	s.Print("Dashboard at http://%s", listener.Addr())
	board := dashboard.New(d.JS, d.Topology, dashboard.Options{Broker: url, AllowedHosts: o.AllowedHosts, Fleets: fleets{d}}, log)
	ctx, cancel := context.WithCancel(context.Background()) // ended by stop
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := board.Serve(ctx, listener); err != nil {
			log.Warn().Err(err).Msg("the dashboard ended")
		}
	}()
	return func() { cancel(); <-ended }, nil
}

// fleets are the deployment's, for the dashboard to scale.
type fleets struct{ deployment *embedded.Deployment }

func (f fleets) of(service string) (*embedded.Fleet, error) {
	switch service {
	case topology.Requestor:
		return f.deployment.Requestors, nil
	case topology.Generator:
		return f.deployment.Generators, nil
	}
	return nil, fmt.Errorf("there is no service %q", service)
}

// Replicas implements dashboard.Fleets.
func (f fleets) Replicas(service string) int {
	fleet, err := f.of(service)
	if err != nil {
		return 0
	}
	return fleet.Replicas()
}

// Scale implements dashboard.Fleets. It does not wait for ctx, but for the work
// in progress of the replicas that stop.
func (f fleets) Scale(_ context.Context, service string, n int) error {
	fleet, err := f.of(service)
	if err != nil {
		return err
	}
	return fleet.Scale(n)
}

// Kill implements dashboard.Fleets.
func (f fleets) Kill(_ context.Context, service string) error {
	fleet, err := f.of(service)
	if err != nil {
		return err
	}
	return fleet.Kill()
}
