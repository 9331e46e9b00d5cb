package main

import (
	"errors"
	"fmt"
	"strings"

	"decoupled.example/console/credentials"
	"decoupled.example/console/secretfile"
)

type credentialsCommand struct {
	Dir        string   `env:"CREDENTIALS_DIR" placeholder:"FOLDER" xor:"to" help:"Where to: <user>/password for each user, broker/ for the broker."`
	Nodes      []string `env:"CREDENTIALS_NODES" default:"nats,nats-2,nats-3" placeholder:"HOST,..." help:"Hosts of the nodes, should the broker in the folder be a cluster (default: ${default})."`
	Shared     bool     `env:"CREDENTIALS_SHARED" help:"Let every user who can reach the folder read the files: for volumes of containers that run as other users. Without it only you can."`
	Kubernetes bool     `xor:"to" help:"Print them instead, as a namespace and its Secrets for kubectl apply."`
}

// Validate names what is missing. It is called by kong.
func (c credentialsCommand) Validate() error {
	if c.Dir == "" && !c.Kubernetes {
		return errors.New("where to? Give a folder with --dir, or print them with --kubernetes")
	}
	return nil
}

// Run makes what is missing.
func (c credentialsCommand) Run(p printer) error {
	if c.Kubernetes {
		return c.manifest(p)
	}
	written, err := credentials.Write(c.Dir, c.Nodes, access(c.Shared))
	if err != nil {
		return err
	}
	return p.print(map[string][]string{"written": written}, func() {
		if len(written) == 0 {
			p.say("all credentials are there")
			return
		}
		p.say("written: %s", strings.Join(written, ", "))
	})
}

// access is the permission of the files that are written.
func access(shared bool) secretfile.Access {
	if shared {
		return secretfile.Shared
	}
	return secretfile.Private
}

func (c credentialsCommand) manifest(p printer) error {
	secrets, err := credentials.New()
	if err != nil {
		return err
	}
	manifest, err := secrets.Manifest(credentials.Namespace)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(p.out, manifest)
	return err
}
