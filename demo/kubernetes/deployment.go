package kubernetes

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"decoupled.example/console/setup"
	"decoupled.example/demo/deployment"
	"decoupled.example/demo/files"
	"decoupled.example/shared/ports"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

// closeWithin bounds removing everything.
const closeWithin = 3 * time.Minute

// Kind deploys on the cluster that Context names.
var Kind = deployment.Kind{
	Name:  "kubernetes",
	About: "on the cluster of kubectl's current context, in a namespace of its own",
	Start: func(ctx context.Context, needs deployment.Needs, log zerolog.Logger) (deployment.Deployment, error) {
		d := &cluster{log: log}
		if err := d.start(ctx, needs); err != nil {
			return nil, errors.Join(err, d.Close())
		}
		return d, nil
	},
}

// cluster is a deployment.Deployment.
type cluster struct {
	log       zerolog.Logger
	dir       string
	kubectl   kubectl
	manifests *manifests
	forwards  []*forward // one a node
	operator  deployment.Operator
}

func (d *cluster) start(ctx context.Context, needs deployment.Needs) (err error) {
	if d.dir, err = os.MkdirTemp("", "decoupled-"); err != nil {
		return fmt.Errorf("cannot make a folder for the manifests: %w", err)
	}
	at, err := Context()
	if err != nil {
		return err
	}
	namespace := "decoupled-" + strings.ToLower(rand.Text()[:8])
	if d.manifests, err = makeManifests(d.dir, namespace, needs.Size()); err != nil {
		return err
	}
	manifest, err := d.manifests.secrets.Manifest(namespace)
	if err != nil {
		return err
	}
	d.kubectl = kubectl{context: at, namespace: namespace} // from now on there is something to remove
	if err := d.kubectl.apply(ctx, manifest); err != nil {
		return err
	}
	if err := d.kubectl.do(ctx, "apply", "--kustomize", d.manifests.dir); err != nil {
		return err
	}
	if err := d.kubectl.settled(ctx, broker, needs.Size()); err != nil {
		return err
	}
	free, err := ports.Free(loopback, needs.Size())
	if err != nil {
		return err
	}
	for i, port := range free {
		d.forwards = append(d.forwards, d.kubectl.forward(d.log, node(i), port))
	}
	if err := d.operate(ctx, needs); err != nil {
		return err
	}
	return d.rehearse(ctx)
}

// rehearse starts and stops a replica of each service. Whatever prevents a start, for example
// a missing image, shows here with its reason, and later replicas start at once.
func (d *cluster) rehearse(ctx context.Context) error {
	services := []string{topology.Requestor, topology.Generator}
	for _, name := range services {
		if err := d.Scale(ctx, name, 1); err != nil {
			return err
		}
	}
	for _, name := range services {
		if err := d.kubectl.settled(ctx, name, 1); err != nil {
			return err
		}
	}
	for _, name := range services {
		if err := d.Scale(ctx, name, 0); err != nil {
			return err
		}
	}
	return nil
}

// operate connects as the operator and sets up.
func (d *cluster) operate(ctx context.Context, needs deployment.Needs) (err error) {
	o := &d.operator
	if o.Conn, err = d.Connect(ctx, "operator"); err != nil {
		return err
	}
	if err := d.accepts(ctx); err != nil {
		return err
	}
	if o.JS, err = jetstream.New(o.Conn); err != nil {
		return fmt.Errorf("cannot use JetStream: %w", err)
	}
	settings := needs.Settings()
	settings.SyncAlways = true // as the broker does
	if _, err = setup.Apply(ctx, o.JS, settings); err != nil {
		return err
	}
	o.Topology, err = topology.Open(o.Conn, service.Slog(d.log), topology.Options{})
	return err
}

// Operator implements deployment.Deployment.
func (d *cluster) Operator() deployment.Operator { return d.operator }

// Connect implements deployment.Deployment. Each service has the rights of its own
// user; everyone else is the stage's.
func (d *cluster) Connect(ctx context.Context, name string) (*nats.Conn, error) {
	var urls []string
	for _, f := range d.forwards {
		urls = append(urls, f.url())
	}
	user := files.Stage
	if name == topology.Requestor || name == topology.Generator {
		user = name
	}
	at := service.Broker{URL: strings.Join(urls, ","), User: user, Password: d.manifests.secrets.Password(user)}
	return service.Connect(context.WithoutCancel(ctx), d.log, at, name)
}

// Configure implements deployment.Deployment.
func (d *cluster) Configure(ctx context.Context, s deployment.Settings) error {
	for _, name := range []string{topology.Requestor, topology.Generator} {
		args := append([]string{"set", "env", "deployment/" + name}, s.Environment(name)...)
		if err := d.kubectl.do(ctx, args...); err != nil {
			return fmt.Errorf("cannot configure the %s: %w", name, err)
		}
	}
	return nil
}

// Scale implements deployment.Deployment.
func (d *cluster) Scale(ctx context.Context, name string, n int) error {
	if name != topology.Requestor && name != topology.Generator {
		return fmt.Errorf("cannot scale: %w", deployment.Unknown(name))
	}
	if err := d.kubectl.do(ctx, "scale", "deployment/"+name, fmt.Sprintf("--replicas=%d", n)); err != nil {
		return err
	}
	return d.kubectl.left(ctx, name, n)
}

// Kill implements deployment.Deployment. Kubernetes warns every pod, and waits at
// least a second, even when forced.
func (d *cluster) Kill(_ context.Context, name string) error {
	return fmt.Errorf("cannot kill a %s without a warning: %w", name, deployment.ErrUnsupported)
}

// Close implements deployment.Deployment.
func (d *cluster) Close() (err error) {
	if d.operator.Conn != nil {
		d.operator.Conn.Close()
	}
	for _, f := range d.forwards {
		f.close()
	}
	if d.kubectl.namespace != "" {
		ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
		defer cancel()
		// Nothing there is used again, so nothing needs to end in order: what would
		// replace its pods is taken away, then they are. When no pod is left, the
		// cluster removes the rest.
		err = errors.Join(
			d.kubectl.do(ctx, "delete", "statefulset,deployment,replicaset", "--all", "--cascade=orphan"),
			d.kubectl.do(ctx, "delete", "pods", "--all", "--grace-period=1"),
			d.kubectl.do(ctx, "delete", "namespace", d.kubectl.namespace, "--ignore-not-found", "--wait=false"))
	}
	return errors.Join(err, os.RemoveAll(d.dir))
}
