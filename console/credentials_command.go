package main

import (
	"strings"

	"decoupled.example/console/credentials"
)

type credentialsCommand struct {
	Dir   string   `required:"" env:"CREDENTIALS_DIR" placeholder:"FOLDER" help:"Where to: <user>/password for each user, broker/ for the broker."`
	Nodes []string `env:"CREDENTIALS_NODES" default:"nats,nats-2,nats-3" placeholder:"HOST,..." help:"Hosts of the nodes, should the broker be a cluster (default: ${default})."`
}

// Run makes what is missing.
func (c credentialsCommand) Run(p printer) error {
	written, err := credentials.Write(c.Dir, c.Nodes)
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
