package broker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nats-io/nats-server/v2/server"

	"decoupled.example/console/credentials"
	"decoupled.example/console/secretfile"
	"decoupled.example/demo/files"
)

// Configuration returns what deploy/nats says a broker is, with the users'
// passwords in that folder, which are made where they are missing.
func Configuration(dir string) (*server.Options, error) {
	root, err := files.Root()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot use %s for credentials: %w", dir, err)
	}
	if _, err := credentials.Write(dir, nil, secretfile.Private); err != nil {
		return nil, err
	}
	return together(filepath.Join(root, "deploy", "nats"), filepath.Join(dir, credentials.BrokerFolder))
}

// together reads the broker's configuration, which takes its secrets from a
// folder beside it, as compose and Kubernetes mount them.
func together(configuration, secrets string) (options *server.Options, err error) {
	dir, err := os.MkdirTemp("", "decoupled-")
	if err != nil {
		return nil, fmt.Errorf("cannot read the broker's configuration: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for name, source := range map[string]string{"server": configuration, "secrets": secrets} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(source)); err != nil {
			return nil, fmt.Errorf("cannot read the broker's configuration: %w", err)
		}
	}
	options, err = server.ProcessConfigFile(filepath.Join(dir, "server", "nats-server.conf"))
	if err != nil {
		return nil, fmt.Errorf("cannot read the broker's configuration: %w", err)
	}
	options.HTTPPort, options.HTTPHost = 0, "" // nobody probes a broker in a program of ours
	return options, nil
}
