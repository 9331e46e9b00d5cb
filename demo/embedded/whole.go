package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"decoupled.example/demo/broker"
	"decoupled.example/demo/deployment"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

// grace is how long a replica may take to finish its work in progress.
const grace = 10 * time.Second

// Kind deploys everything, the broker too, in this process.
var Kind = deployment.Kind{
	Name:  "embedded",
	About: "everything in one process; a kill cuts a replica's connection",
	Start: func(ctx context.Context, needs deployment.Needs, log zerolog.Logger) (deployment.Deployment, error) {
		w, err := StartWhole(ctx, needs, log)
		if err != nil {
			return nil, err // and not a nil *Whole
		}
		return w, nil
	},
}

// Whole is the services on a broker of their own, in a folder of their own. It
// is a deployment.Deployment.
type Whole struct {
	*Deployment
	options *Options
	nodes   *nodes
	dir     string
	log     zerolog.Logger
}

// StartWhole starts the broker and sets it up. There are no replicas yet.
func StartWhole(ctx context.Context, needs deployment.Needs, log zerolog.Logger) (*Whole, error) {
	dir, err := os.MkdirTemp("", "decoupled-")
	if err != nil {
		return nil, fmt.Errorf("cannot make a folder for the broker's data: %w", err)
	}
	w := &Whole{dir: dir, log: log, options: &Options{Topology: needs.Settings(), ShutdownTimeout: grace}}
	if w.nodes, err = startNodes(dir, needs.Size(), log); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if w.Deployment, err = Start(ctx, w.as, w.options, log); err != nil {
		w.nodes.stopAll()
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return w, nil
}

// Operator implements deployment.Deployment.
func (w *Whole) Operator() deployment.Operator {
	return deployment.Operator{Conn: w.Conn, JS: w.JS, Topology: w.Topology}
}

// Connect implements deployment.Deployment. All have the same rights here.
func (w *Whole) Connect(ctx context.Context, name string) (*nats.Conn, error) {
	return service.Connect(context.WithoutCancel(ctx), w.log, w.as(name), name)
}

func (w *Whole) as(string) service.Broker { return service.Broker{URL: broker.URL(w.nodes.options)} }

// Configure implements deployment.Deployment.
func (w *Whole) Configure(_ context.Context, s deployment.Settings) error {
	w.options.Requestor, w.options.Generator, w.options.HandlerTimeout = s.Requestor, s.Generator, s.HandlerTimeout
	return nil
}

// Scale implements deployment.Deployment.
func (w *Whole) Scale(_ context.Context, name string, n int) error {
	f, err := w.fleet(name)
	if err != nil {
		return fmt.Errorf("cannot scale: %w", err)
	}
	return f.Scale(n)
}

// Kill implements deployment.Deployment.
func (w *Whole) Kill(_ context.Context, name string) error {
	f, err := w.fleet(name)
	if err != nil {
		return fmt.Errorf("cannot kill: %w", err)
	}
	return f.Kill()
}

func (w *Whole) fleet(name string) (*Fleet, error) {
	switch name {
	case topology.Requestor:
		return w.Requestors, nil
	case topology.Generator:
		return w.Generators, nil
	}
	return nil, deployment.Unknown(name)
}

// StopBroker implements deployment.Deployment.
func (w *Whole) StopBroker(_ context.Context, node string) error { return w.nodes.stop(node) }

// KillBroker implements deployment.Deployment: a broker in the same process as its clients
// cannot be killed.
func (w *Whole) KillBroker(_ context.Context, node string) error {
	return fmt.Errorf("cannot kill the broker %s: %w", node, deployment.ErrUnsupported)
}

// StartBroker implements deployment.Deployment.
func (w *Whole) StartBroker(_ context.Context, node string) error { return w.nodes.start(node) }

// Close implements deployment.Deployment.
func (w *Whole) Close() error {
	w.Stop()
	w.nodes.stopAll()
	if err := os.RemoveAll(w.dir); err != nil {
		return fmt.Errorf("cannot remove the broker's data: %w", err)
	}
	return nil
}
