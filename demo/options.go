package main

import (
	"errors"
	"fmt"
	"time"

	"decoupled.example/demo/broker"
	"decoupled.example/demo/embedded"
	"decoupled.example/generator"
	"decoupled.example/requestor"
	"decoupled.example/shared/topology"
)

// options are the flags of the demo.
type options struct {
	Rate         float64       `default:"100" help:"Requests a second."`
	Requestors   int           `default:"1" help:"Replicas of the requestor. Each asks at the rate."`
	Generators   int           `default:"2" help:"Replicas of the generator."`
	Work         time.Duration `default:"0s" help:"Time that one string takes."`
	Fail         float64       `default:"0" help:"Fraction of requests (0 to 1) that fail each time they are tried."`
	Reject       float64       `default:"0" help:"Fraction of requests that can never succeed, and become dead letters at once."`
	Hang         float64       `default:"0" help:"Fraction of attempts whose handler never returns."`
	Outage       time.Duration `default:"0s" help:"Time for which a dependency of the generators is down, again and again."`
	OutageEvery  time.Duration `default:"1m" help:"Time from the beginning of one outage to that of the next."`
	Duration     time.Duration `default:"0s" help:"Stop after this time. 0: at Ctrl-C."`
	Drain        time.Duration `default:"60s" help:"How long finishing may take."`
	Port         int           `default:"0" help:"Port of the broker. 0: 4222, or a free one if that is taken."`
	Dashboard    string        `default:"${dashboard}" help:"Where to serve the dashboard, by default a free port if that is taken. Empty: nowhere." placeholder:"HOST:PORT"`
	AllowedHosts []string      `name:"allowed-host" help:"Serve the dashboard to requests by this host name as well; repeatable. Without it only localhost and IP addresses are served." placeholder:"NAME"`
	Data         string        `help:"Folder that keeps the broker's data. Without it a temporary one is used." placeholder:"DIR"`
	Sync         string        `default:"1s" help:"How often the broker syncs to disk: a time, or \"always\" before it confirms."`
	Credentials  string        `help:"Folder for passwords, which are made where they are missing. With it the broker has the users, rights and limits of deploy/nats, and each program logs in as its own user." placeholder:"DIR"`
	LogLevel     string        `default:"warn" enum:"trace,debug,info,warn,error" help:"Log this and what is worse: ${enum}."`
}

// grace is how long a replica may take to finish its work in progress.
const grace = 10 * time.Second

// Validate names the flag that is out of range. It is called by kong.
func (o options) Validate() error {
	if o.Requestors < 0 || o.Requestors > 100 || o.Generators < 0 || o.Generators > 100 {
		return errors.New("--requestors and --generators must be from 0 to 100")
	}
	if o.Duration < 0 || o.Drain <= 0 {
		return errors.New("--duration must not be negative, and --drain must be more than 0s")
	}
	if o.Port < 0 || o.Port > 65535 {
		return fmt.Errorf("--port must be from 0 to 65535, not %d", o.Port)
	}
	if _, err := o.broker(); err != nil {
		return err
	}
	return errors.Join(o.requestor().Validate(), o.generator().Validate())
}

func (o options) broker() (broker.Options, error) {
	b := broker.Options{Port: o.Port, Dir: o.Data, Credentials: o.Credentials}
	if o.Sync == "always" {
		b.SyncAlways = true
		return b, nil
	}
	var err error
	b.Sync, err = time.ParseDuration(o.Sync)
	if err != nil || b.Sync <= 0 {
		return b, fmt.Errorf("--sync must be a time above 0s or \"always\", not %q", o.Sync)
	}
	return b, nil
}

func (o options) requestor() requestor.Options { return requestor.Options{Rate: o.Rate} }
func (o options) generator() generator.Options {
	return generator.Options{Work: o.Work, Fail: o.Fail, Reject: o.Reject, Hang: o.Hang, Outage: o.Outage, OutageEvery: o.OutageEvery}
}

func (o options) deployment() *embedded.Options {
	return &embedded.Options{
		Topology:  topology.Settings{SyncAlways: o.Sync == "always"},
		Requestor: o.requestor(), Generator: o.generator(), ShutdownTimeout: grace,
	}
}
