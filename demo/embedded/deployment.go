// Package embedded runs any number of replicas of both services in this process,
// each with a connection of its own. They share nothing but the process; they
// meet only in the queues.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"decoupled.example/console/credentials"
	"decoupled.example/console/setup"
	"decoupled.example/generator"
	"decoupled.example/requestor"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

// Options are the settings of a deployment. Those of the services may be changed
// between calls of Scale; replicas started afterwards have them.
type Options struct {
	Topology        topology.Settings
	Requestor       requestor.Options
	Generator       generator.Options
	ShutdownTimeout time.Duration
	// HandlerTimeout is how long a handler of either service may take; 0 is the
	// queue's default.
	HandlerTimeout time.Duration
}

// Deployment is the services on a broker.
type Deployment struct {
	Conn       *nats.Conn // the operator's
	JS         jetstream.JetStream
	Topology   *topology.Topology // the operator's view
	Requestors *Fleet
	Generators *Fleet
}

// Start sets up the queues at a broker; as says how a user logs in there. There
// are no replicas yet.
func Start(ctx context.Context, as func(user string) service.Broker, o *Options, log zerolog.Logger) (*Deployment, error) {
	// The connection ends in Stop, not with ctx: what is running must be drained.
	conn, err := service.Connect(context.WithoutCancel(ctx), log, as(credentials.Operator), credentials.Operator)
	if err != nil {
		return nil, err
	}
	d := &Deployment{Conn: conn}
	if err := d.open(ctx, o, log); err != nil {
		conn.Close()
		return nil, err
	}
	d.Requestors = newFleet(topology.Requestor, as(topology.Requestor), o.ShutdownTimeout, log, func() work {
		settings, timeout := o.Requestor, o.HandlerTimeout
		return func(ctx context.Context, s *service.Service) error {
			s.HandlerTimeout = timeout
			return requestor.Serve(ctx, s, settings)
		}
	})
	d.Generators = newFleet(topology.Generator, as(topology.Generator), o.ShutdownTimeout, log, func() work {
		settings, timeout := o.Generator, o.HandlerTimeout
		return func(ctx context.Context, s *service.Service) error {
			s.HandlerTimeout = timeout
			return generator.Serve(ctx, s, settings)
		}
	})
	return d, nil
}

func (d *Deployment) open(ctx context.Context, o *Options, log zerolog.Logger) (err error) {
	if d.JS, err = jetstream.New(d.Conn); err != nil {
		return fmt.Errorf("cannot use JetStream: %w", err)
	}
	if err = setUp(ctx, d.JS, o.Topology); err != nil {
		return err
	}
	d.Topology, err = topology.Open(d.Conn, service.Slog(log), topology.Options{ShutdownTimeout: o.ShutdownTimeout})
	return err
}

// setUp makes what is missing, and changes nothing that exists, except for what
// follows from how the broker was started: one that was used before may have
// synced to disk otherwise.
func setUp(ctx context.Context, js jetstream.JetStream, settings topology.Settings) error {
	_, err := setup.Apply(ctx, js, settings)
	var different *setup.DifferentError
	if !errors.As(err, &different) || slices.ContainsFunc(different.Differences, notOfSync) {
		return err
	}
	_, err = setup.Update(ctx, js, settings)
	return err
}

// notOfSync is true for a difference that does not come from SyncAlways.
func notOfSync(difference string) bool { return !strings.Contains(difference, ": allow_atomic is ") }

// Stop scales everything to zero and ends the operator's connection.
func (d *Deployment) Stop() {
	for _, f := range []*Fleet{d.Requestors, d.Generators} {
		_ = f.Scale(0) // what failed is in the log
	}
	d.Conn.Close()
}
