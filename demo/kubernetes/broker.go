package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"decoupled.example/demo/deployment"
	"decoupled.example/demo/files"
)

// broker is what the broker's StatefulSet and its pods are called.
const broker = "nats"

// node is the name of a node, and of its pod.
func node(i int) string { return broker + "-" + strconv.Itoa(i) }

// StopBroker implements deployment.Deployment. A StatefulSet replaces what ends,
// so it is taken away until the node is to start again; the other nodes stay.
func (d *cluster) StopBroker(ctx context.Context, name string) error {
	f, err := d.find(name)
	if err != nil {
		return fmt.Errorf("cannot stop the broker: %w", err)
	}
	if err := d.kubectl.do(ctx, "delete", "statefulset", broker, "--cascade=orphan"); err != nil {
		return err
	}
	return d.kubectl.do(ctx, "delete", "pod", f.pod)
}

// KillBroker implements deployment.Deployment; see Kill.
func (d *cluster) KillBroker(_ context.Context, name string) error {
	return fmt.Errorf("cannot kill the broker %s without a warning: %w", name, deployment.ErrUnsupported)
}

// StartBroker implements deployment.Deployment. The StatefulSet takes the nodes
// that are there for its own, and starts the one that is not.
func (d *cluster) StartBroker(ctx context.Context, name string) error {
	if _, err := d.find(name); err != nil {
		return fmt.Errorf("cannot start the broker: %w", err)
	}
	if err := d.kubectl.do(ctx, "apply", "--kustomize", d.manifests.dir, "--selector", selector(broker)); err != nil {
		return err
	}
	if err := d.kubectl.settled(ctx, broker, len(d.forwards)); err != nil {
		return err
	}
	return d.accepts(ctx)
}

// find finds a node; no name is the only one's.
func (d *cluster) find(name string) (*forward, error) {
	if name == "" && len(d.forwards) == 1 {
		return d.forwards[0], nil
	}
	for _, f := range d.forwards {
		if f.pod == name {
			return f, nil
		}
	}
	return nil, fmt.Errorf("there is no node %q", name)
}

// accepts returns when every node accepts clients: that a pod is ready, and that
// its port is forwarded, are two things.
func (d *cluster) accepts(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for _, f := range d.forwards {
		for {
			nc, err := nats.Connect(f.url(), nats.UserInfo(files.Stage, d.manifests.secrets.Password(files.Stage)))
			if err == nil {
				nc.Close()
				break
			}
			select {
			case <-look.C:
			case <-ctx.Done():
				return fmt.Errorf("%s does not accept clients: %w", f.pod, errors.Join(ctx.Err(), err, f.why()))
			}
		}
	}
	return nil
}
