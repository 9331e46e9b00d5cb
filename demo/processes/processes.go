package processes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"decoupled.example/console/setup"
	"decoupled.example/demo/broker"
	"decoupled.example/demo/deployment"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

const (
	// grace is how long a replica may take to finish its work in progress.
	grace = 10 * time.Second
	// stopWithin is what a service takes at most to stop; see service.Program.
	stopWithin = 2*grace + 5*time.Second
)

// processes is a deployment.Deployment.
type processes struct {
	programs string // their folder
	dir      string // the broker's data
	at       service.Broker
	log      zerolog.Logger

	operator deployment.Operator
	settings deployment.Settings
	nodes    []broker.Options
	brokers  map[string]*process
	replicas map[string][]*process // by service, the newest last
}

func (p *Programs) start(ctx context.Context, needs deployment.Needs, log zerolog.Logger) (*processes, error) {
	programs, err := p.build(ctx)
	if err != nil {
		return nil, err
	}
	d := &processes{programs: programs, log: log, brokers: make(map[string]*process), replicas: make(map[string][]*process)}
	if err := d.start(ctx, needs); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *processes) start(ctx context.Context, needs deployment.Needs) (err error) {
	if d.dir, err = os.MkdirTemp("", "decoupled-"); err != nil {
		return fmt.Errorf("cannot make a folder for the broker's data: %w", err)
	}
	if d.nodes, err = broker.Nodes(d.dir, needs.Size()); err != nil {
		return err
	}
	d.at = service.Broker{URL: broker.URL(d.nodes)}
	for _, node := range d.nodes {
		if err := d.StartBroker(ctx, node.Name); err != nil {
			return err
		}
	}
	o := &d.operator
	if o.Conn, err = d.Connect(ctx, "operator"); err != nil {
		return err
	}
	if o.JS, err = jetstream.New(o.Conn); err != nil {
		return fmt.Errorf("cannot use JetStream: %w", err)
	}
	if _, err = setup.Apply(ctx, o.JS, needs.Settings()); err != nil {
		return err
	}
	o.Topology, err = topology.Open(o.Conn, service.Slog(d.log), topology.Options{ShutdownTimeout: grace})
	return err
}

// Operator implements deployment.Deployment.
func (d *processes) Operator() deployment.Operator { return d.operator }

// Connect implements deployment.Deployment. All have the same rights here.
func (d *processes) Connect(ctx context.Context, name string) (*nats.Conn, error) {
	return service.Connect(context.WithoutCancel(ctx), d.log, d.at, name)
}

// Configure implements deployment.Deployment.
func (d *processes) Configure(_ context.Context, s deployment.Settings) error {
	d.settings = s
	return nil
}

// Scale implements deployment.Deployment.
func (d *processes) Scale(ctx context.Context, name string, n int) error {
	if name != topology.Requestor && name != topology.Generator {
		return fmt.Errorf("cannot scale: %w", deployment.Unknown(name))
	}
	running := d.replicas[name]
	for len(running) < n {
		environment := append(d.settings.Environment(name), "NATS_URL="+d.at.URL, "GRACE="+grace.String())
		p, err := start(name, filepath.Join(d.programs, name), environment, d.log, nil)
		if err != nil {
			return err
		}
		running = append(running, p)
		d.replicas[name] = running
	}
	leaving := running[n:]
	d.replicas[name] = running[:n:n]
	var failed error
	for _, p := range leaving {
		failed = errors.Join(failed, p.terminate())
	}
	for _, p := range leaving {
		failed = errors.Join(failed, p.await(ctx, stopWithin))
	}
	return failed
}

// Kill implements deployment.Deployment.
func (d *processes) Kill(_ context.Context, name string) error {
	running := d.replicas[name]
	if len(running) == 0 {
		return fmt.Errorf("cannot kill a %s: there is none", name)
	}
	last := len(running) - 1
	d.replicas[name] = running[:last]
	running[last].kill()
	return nil
}

// StopBroker implements deployment.Deployment.
func (d *processes) StopBroker(ctx context.Context, node string) error {
	p, err := d.takeBroker(node)
	if err != nil {
		return fmt.Errorf("cannot stop the broker: %w", err)
	}
	if err := p.terminate(); err != nil {
		return err
	}
	return p.await(ctx, stopWithin)
}

// KillBroker implements deployment.Deployment.
func (d *processes) KillBroker(_ context.Context, node string) error {
	p, err := d.takeBroker(node)
	if err != nil {
		return fmt.Errorf("cannot kill the broker: %w", err)
	}
	p.kill()
	return nil
}

// takeBroker finds the process of a node, which is running no longer then.
func (d *processes) takeBroker(name string) (*process, error) {
	node, err := broker.Find(d.nodes, name)
	if err != nil {
		return nil, err
	}
	p := d.brokers[node.Name]
	if p == nil {
		return nil, fmt.Errorf("%s: %w", node.Name, errNotRunning)
	}
	delete(d.brokers, node.Name)
	return p, nil
}

// StartBroker implements deployment.Deployment.
func (d *processes) StartBroker(ctx context.Context, name string) error {
	node, err := broker.Find(d.nodes, name)
	if err != nil {
		return fmt.Errorf("cannot start the broker: %w", err)
	}
	if d.brokers[node.Name] != nil {
		return nil
	}
	p, err := startBroker(ctx, node, d.log)
	if err == nil {
		d.brokers[node.Name] = p
	}
	return err
}

// Close implements deployment.Deployment. What is closed is not used again, so
// there is no reason to wait until anything ends in order.
func (d *processes) Close() error {
	for _, running := range d.replicas {
		for _, p := range running {
			p.kill()
		}
	}
	clear(d.replicas)
	if d.operator.Conn != nil {
		d.operator.Conn.Close()
	}
	for _, p := range d.brokers {
		p.kill()
	}
	clear(d.brokers)
	if err := os.RemoveAll(d.dir); err != nil {
		return fmt.Errorf("cannot remove the broker's data: %w", err)
	}
	return nil
}
