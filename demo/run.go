package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"decoupled.example/console/credentials"
	"decoupled.example/console/drain"
	"decoupled.example/console/status"
	"decoupled.example/console/verify"
	"decoupled.example/demo/broker"
	"decoupled.example/demo/embedded"
	"decoupled.example/demo/screen"
	"decoupled.example/shared/service"
)

// errNotProven: something was lost, done twice, or left.
var errNotProven = errors.New("not proven")

// runCommand is the demo without a command.
type runCommand struct{ options }

// Run shows the demonstration on the screen.
func (c runCommand) Run(session *session) error {
	s := screen.New(session.stdout)
	log := service.NewLog(s, service.Logging{Level: c.LogLevel, Format: "console"}, "demo")
	return run(session.ctx, c.options, s, log)
}

// run is one demonstration: it lasts until ctx ends or the time is up, then
// everything is finished and verified.
func run(ctx context.Context, o options, s *screen.Screen, log zerolog.Logger) error {
	settings, err := o.broker()
	if err != nil {
		return err
	}
	b, err := broker.Start(settings, log)
	if err != nil {
		return err
	}
	defer b.Stop()
	services := o.deployment()
	d, err := embedded.Start(ctx, b.As, services, log)
	if err != nil {
		return err
	}
	defer d.Stop()
	if b.Moved() {
		s.Print("Port %d is taken; the broker listens on another one.", broker.DefaultPort)
	}
	s.Print("Broker at %s. %s", b.URL(), join(b))
	s.Print("Ctrl-C stops asking, waits until everything is finished, and verifies.")

	stopDashboard, err := serveDashboard(o, b.URL(), d, s, log)
	if err != nil {
		return err
	}
	defer stopDashboard()

	// The panel goes on while the queues drain, so it does not end with ctx.
	watching, unwatch := context.WithCancel(context.WithoutCancel(ctx))
	defer unwatch()
	watched := make(chan struct{})
	go func() { defer close(watched); watch(watching, d, s, log) }()

	if err := errors.Join(d.Requestors.Scale(o.Requestors), d.Generators.Scale(o.Generators)); err != nil {
		return err
	}
	await(ctx, o.Duration)
	s.Print("Stopping to ask; waiting until everything is finished.")
	stopDashboard() // nobody may ask, or start a replica that does, from now on
	notDrained := finish(d, services, o)
	unwatch()
	<-watched
	return conclude(d, s, notDrained)
}

// join says how to look at the broker from outside.
func join(b *broker.Broker) string {
	if as := b.As(credentials.Operator); as.User != "" {
		return fmt.Sprintf("Each program is a user of its own, with the rights of deploy/nats. Look as the operator:\n"+
			"  go run ./console status --nats-url %s --nats-user %s --nats-password-file %s", as.URL, as.User, as.PasswordFile)
	}
	return fmt.Sprintf("Join it with any NATS tool:\n  nats --server %s stream ls", b.URL())
}

// await returns when ctx ends or, if there is one, the time is up.
func await(ctx context.Context, duration time.Duration) {
	if duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, duration)
		defer cancel()
	}
	<-ctx.Done()
}

// finish replaces the requestors by such as only store, as anyone may at any
// time, and waits until the queues are drained.
func finish(d *embedded.Deployment, services *embedded.Options, o options) error {
	if err := d.Requestors.Scale(0); err != nil {
		return err
	}
	services.Requestor.Rate = 0
	if err := d.Requestors.Scale(max(1, o.Requestors)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.Drain)
	defer cancel()
	return drain.Wait(ctx, d.JS, nil)
}

// conclude shows the last status and the tally.
func conclude(d *embedded.Deployment, s *screen.Screen, notDrained error) error {
	ctx := context.Background()
	last, err := status.Read(ctx, d.Conn, d.JS)
	if err != nil {
		return err
	}
	s.Show(last)
	verdict, err := verify.Run(ctx, d.JS, d.Topology, nil)
	if err != nil {
		return err
	}
	s.Leave()
	s.Print("%s", tally(verdict, last.Repeated()))
	if notDrained != nil {
		s.Print("%v", notDrained)
	}
	if notDrained != nil || !verdict.Finished() {
		s.Print("FAILED")
		return errNotProven
	}
	s.Print("OK: nothing was lost, nothing was done twice, nothing is left.")
	return nil
}

// watch shows the status once a second until ctx ends.
func watch(ctx context.Context, d *embedded.Deployment, s *screen.Screen, log zerolog.Logger) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-second.C:
		case <-ctx.Done():
			return
		}
		now, err := status.Read(ctx, d.Conn, d.JS)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			log.Warn().Err(err).Msg("cannot show the status")
			continue
		}
		s.Show(now)
	}
}

// tally is the verdict as a table.
func tally(v verify.Verdict, redelivered uint64) string {
	text := fmt.Sprintf(`
  asked         %9d
  generated     %9d
  stored        %9d
  received      %9d
  redelivered   %9d
  dead-lettered %9d
  lost          %9d
  duplicated    %9d
  left          %9d
`, v.Asked, v.Generated, v.Stored, v.Received, redelivered, v.DeadLetters, v.Lost, v.Duplicated+v.Mismatched, v.Outstanding)
	if v.Recovered > 0 {
		text += fmt.Sprintf("  recovered     %9d  (answered, though their requestor was stopped before it had recorded them)\n", v.Recovered)
	}
	if v.Unexpected > 0 {
		text += fmt.Sprintf("  unexpected    %9d  (in a ledger, with no origin)\n", v.Unexpected)
	}
	for _, f := range v.Findings {
		text += "  " + f.String() + "\n"
	}
	return text
}
