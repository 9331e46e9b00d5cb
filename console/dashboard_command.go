package main

import (
	"context"

	"decoupled.example/console/dashboard"
	"decoupled.example/shared/service"
)

type dashboardCommand struct {
	Listen    string `default:"${dashboard}" env:"LISTEN" placeholder:"HOST:PORT" help:"Where to serve it. There is no login: who reaches the address may act."`
	ReadOnly  bool   `env:"READ_ONLY" help:"Only show, take all actions away."`
	LocalOnly bool   `env:"LOCAL_ONLY" help:"Refuse who came by another name than localhost or a loopback address, as is done anyway when it listens on one: for a container whose port is published on the loopback interface."`
}

// Run serves until interrupted. It outlasts any absence of the broker, from the
// start, and says so on the page.
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
	log := service.NewLog(s.err, service.Logging{Level: "warn", Format: "console"}, "dashboard")
	d := dashboard.New(s.js, s.topology, dashboard.Options{Broker: s.url, ReadOnly: c.ReadOnly, LocalOnly: c.LocalOnly}, log)
	if err := d.Serve(s.ctx, listener); err != nil || s.interrupted() {
		return err
	}
	return context.Cause(s.ctx) // why the session ended
}
