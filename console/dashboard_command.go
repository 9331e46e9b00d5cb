package main

import (
	"context"
	"fmt"
	"strings"

	"decoupled.example/console/dashboard"
	"decoupled.example/shared/service"
)

type dashboardCommand struct {
	Listen   string `default:"${dashboard}" env:"LISTEN" placeholder:"HOST:PORT" help:"Where to serve it. There is no login: every client that reaches the address may act."`
	ReadOnly bool   `env:"READ_ONLY" help:"Show only: no actions."`

	AllowedHosts []string `name:"allowed-host" env:"ALLOWED_HOSTS" placeholder:"NAME" help:"Serve requests by this host name as well; repeatable. Without it only localhost and IP addresses are served, so that no site can act here by a name of its own."`
}

// Validate names the flag that is wrong. It is called by kong.
func (c dashboardCommand) Validate() error {
	for _, name := range c.AllowedHosts {
		if name == "" || strings.ContainsAny(name, "/:*?@ ") {
			return fmt.Errorf("--allowed-host must be a host name, without scheme, port or wildcard, but got %q", name)
		}
	}
	return nil
}

// Run serves until interrupted. It continues without the broker, even from the start,
// and the page shows that.
func (c dashboardCommand) Run(s *session) error {
	listener, err := dashboard.Listen(c.Listen, false)
	if err != nil {
		return err
	}
	if warning := dashboard.Warning(listener.Addr(), c.ReadOnly); warning != "" {
		s.say("%s", warning)
	}
	at := "http://" + listener.Addr().String()
	if err := s.print(map[string]string{"dashboard": at}, func() { s.say("Dashboard at %s. Ctrl-C ends it.", at) }); err != nil {
		return err
	}
	log := service.NewLog(s.err, service.Logging{Level: "info"}, "dashboard") // actions are logged at info
	d := dashboard.New(s.js, s.topology, dashboard.Options{Broker: s.url, ReadOnly: c.ReadOnly, AllowedHosts: c.AllowedHosts}, log)
	if err := d.Serve(s.ctx, listener); err != nil || s.interrupted() {
		return err
	}
	return context.Cause(s.ctx) // why the session ended
}
