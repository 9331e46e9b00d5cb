package main

import (
	"time"

	"decoupled.example/console/certificates"
)

type certificatesCommand struct {
	Dir    string   `required:"" env:"CERTIFICATES_DIR" placeholder:"FOLDER" help:"Where to: broker/ for the broker, authority/ for its clients."`
	Shared bool     `env:"CERTIFICATES_SHARED" help:"Let every user who can reach the folder read the key: for a volume of containers that run as other users. Without it only you can."`
	Hosts  []string `env:"CERTIFICATES_HOSTS" default:"nats,nats-2,nats-3,localhost,127.0.0.1" placeholder:"HOST,..." help:"How clients call the broker (default: ${default})."`
}

// Run makes what is missing.
func (c certificatesCommand) Run(p printer) error {
	until, made, err := certificates.Write(c.Dir, c.Hosts, access(c.Shared))
	if err != nil {
		return err
	}
	return p.print(map[string]any{"made": made, "valid_until": until}, func() {
		if made {
			p.say("made a certificate, valid until %s; a broker that runs takes it when it is restarted", until.Format(time.DateOnly))
			return
		}
		p.say("the certificate is there, valid until %s", until.Format(time.DateOnly))
	})
}
