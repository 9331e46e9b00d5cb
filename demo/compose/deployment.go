package compose

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"decoupled.example/console/credentials"
	"decoupled.example/console/setup"
	"decoupled.example/demo/deployment"
	"decoupled.example/demo/files"
	"decoupled.example/shared/ports"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

const (
	loopback = "127.0.0.1"
	// readyWithin is how long a broker may take to accept clients.
	readyWithin = 90 * time.Second
	lookEvery   = 100 * time.Millisecond
	// closeWithin bounds removing everything.
	closeWithin = 2 * time.Minute
)

// Kind deploys with docker compose.
var Kind = deployment.Kind{
	Name:  "compose",
	About: "in containers, as docker compose up does (docker compose build first)",
	Start: func(ctx context.Context, needs deployment.Needs, log zerolog.Logger) (deployment.Deployment, error) {
		d := &compose{log: log}
		if err := d.start(ctx, needs); err != nil {
			return nil, errors.Join(err, d.Close())
		}
		return d, nil
	},
}

// hosts are the names of the broker's nodes, and of their compose services.
var hosts = []string{"nats", "nats-2", "nats-3"}

// compose is a deployment.Deployment.
type compose struct {
	project  *project
	log      zerolog.Logger
	dir      string // the override, and a copy of the credentials
	ports    map[string]int
	operator deployment.Operator

	configuration string // the folder of the broker's
}

func (d *compose) start(ctx context.Context, needs deployment.Needs) (err error) {
	if d.dir, err = os.MkdirTemp("", "decoupled-"); err != nil {
		return fmt.Errorf("cannot make a folder for the credentials: %w", err)
	}
	free, err := ports.Free(loopback, needs.Size())
	if err != nil {
		return err
	}
	d.ports = make(map[string]int)
	for i, port := range free {
		d.ports[hosts[i]] = port
	}
	if d.project, err = newProject(d.dir, needs.Size(), d.ports[hosts[0]]); err != nil {
		return err
	}
	if d.configuration, err = addUser(d.project.root, d.dir); err != nil {
		return err
	}
	if err = d.Configure(ctx, deployment.Settings{}); err != nil {
		return err
	}
	if _, err = d.project.compose(ctx, append([]string{"up", "--detach", "--wait"}, hosts[:needs.Size()]...)...); err != nil {
		return err
	}
	// What only the credentials container sees: this process plays services too.
	if _, err = d.project.compose(ctx, "cp", "credentials:/credentials/.", d.dir); err != nil {
		return err
	}
	return d.operate(ctx, needs)
}

// operate connects as the operator and sets up.
func (d *compose) operate(ctx context.Context, needs deployment.Needs) (err error) {
	o := &d.operator
	if o.Conn, err = d.Connect(ctx, credentials.Operator); err != nil {
		return err
	}
	if o.JS, err = jetstream.New(o.Conn); err != nil {
		return fmt.Errorf("cannot use JetStream: %w", err)
	}
	settings := needs.Settings()
	settings.SyncAlways = true
	if _, err = setup.Apply(ctx, o.JS, settings); err != nil {
		return err
	}
	o.Topology, err = topology.Open(o.Conn, service.Slog(d.log), topology.Options{})
	return err
}

// Operator implements deployment.Deployment.
func (d *compose) Operator() deployment.Operator { return d.operator }

// Connect implements deployment.Deployment. Each service has the rights of its own
// user; everyone else is the stage's.
func (d *compose) Connect(ctx context.Context, name string) (*nats.Conn, error) {
	var urls []string
	for _, host := range hosts[:len(d.ports)] {
		urls = append(urls, d.url(host))
	}
	user := files.Stage
	if name == topology.Requestor || name == topology.Generator {
		user = name
	}
	at := service.Broker{URL: strings.Join(urls, ","), User: user, PasswordFile: d.secret(user)}
	return service.Connect(context.WithoutCancel(ctx), d.log, at, name)
}

func (d *compose) secret(user string) string {
	return filepath.Join(d.dir, user, credentials.PasswordFile)
}

func (d *compose) url(host string) string {
	return "nats://" + net.JoinHostPort(loopback, strconv.Itoa(d.ports[host]))
}

// Configure implements deployment.Deployment.
func (d *compose) Configure(_ context.Context, s deployment.Settings) error {
	o := override{Services: make(map[string]changed)}
	for _, name := range []string{topology.Requestor, topology.Generator} {
		// A replica that was killed must not be restarted automatically.
		o.Services[name] = changed{Environment: s.Environment(name), Restart: "no"}
	}
	for host, port := range d.ports {
		node := changed{Volumes: []string{d.configuration + ":/etc/nats/server:ro"}}
		if host != hosts[0] { // whose port the project publishes
			node.Ports = []string{fmt.Sprintf("%s:%d:4222", loopback, port)}
		}
		o.Services[host] = node
	}
	if err := d.project.change(o); err != nil {
		return fmt.Errorf("cannot configure: %w", err)
	}
	return nil
}

// Scale implements deployment.Deployment.
func (d *compose) Scale(ctx context.Context, name string, n int) error {
	if name != topology.Requestor && name != topology.Generator {
		return fmt.Errorf("cannot scale: %w", deployment.Unknown(name))
	}
	_, err := d.project.compose(ctx, "up", "--detach", "--no-deps", "--no-recreate", "--scale", name+"="+strconv.Itoa(n), name)
	return err
}

// Kill implements deployment.Deployment.
func (d *compose) Kill(ctx context.Context, name string) error {
	id, err := d.project.newest(ctx, name)
	if err == nil && id == "" {
		err = errors.New("there is none")
	}
	if err != nil {
		return fmt.Errorf("cannot kill a %s: %w", name, err)
	}
	_, err = d.project.docker(ctx, "rm", "--force", id) // which kills it without a warning
	return err
}

// StopBroker implements deployment.Deployment.
func (d *compose) StopBroker(ctx context.Context, node string) error {
	return d.broker(ctx, node, "stop")
}

// KillBroker implements deployment.Deployment.
func (d *compose) KillBroker(ctx context.Context, node string) error {
	return d.broker(ctx, node, "kill")
}

// StartBroker implements deployment.Deployment.
func (d *compose) StartBroker(ctx context.Context, node string) error {
	if err := d.broker(ctx, node, "start"); err != nil {
		return err
	}
	if node == "" {
		node = hosts[0]
	}
	return d.ready(ctx, node)
}

// broker does something to a node.
func (d *compose) broker(ctx context.Context, node, what string) error {
	if node == "" && len(d.ports) == 1 {
		node = hosts[0]
	}
	if !slices.Contains(hosts[:len(d.ports)], node) {
		return fmt.Errorf("cannot %s the broker: there is no node %q", what, node)
	}
	_, err := d.project.compose(ctx, what, node)
	return err
}

// ready returns when a node accepts clients.
func (d *compose) ready(ctx context.Context, node string) error {
	password, err := os.ReadFile(d.secret(files.Stage))
	if err != nil {
		return fmt.Errorf("cannot log in at the broker: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		// The port is Docker's and accepts before the broker does.
		nc, err := nats.Connect(d.url(node), nats.UserInfo(files.Stage, strings.TrimSpace(string(password))))
		if err == nil {
			nc.Close()
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("the broker %s does not accept clients: %w", node, errors.Join(ctx.Err(), err))
		}
	}
}

// Close implements deployment.Deployment.
func (d *compose) Close() (err error) {
	if d.operator.Conn != nil {
		d.operator.Conn.Close()
	}
	if d.project != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
		defer cancel()
		_, err = d.project.compose(ctx, "down", "--volumes", "--timeout", "0")
	}
	return errors.Join(err, os.RemoveAll(d.dir))
}
