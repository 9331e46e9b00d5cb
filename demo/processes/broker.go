package processes

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"decoupled.example/demo/broker"
)

const (
	// role is the environment variable that makes a program a broker: its
	// options as JSON.
	role = "DECOUPLED_BROKER"
	// ready is what a broker says when it accepts clients.
	ready = "ready"
	// readyWithin is generous: the broker itself stops earlier, with a reason.
	readyWithin = 90 * time.Second
)

// BecomeBroker makes this process a broker if a deployment has started it as
// one, and does not return then. A program that deploys processes calls it before
// anything else.
func BecomeBroker() {
	text, is := os.LookupEnv(role)
	if !is {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := beBroker(ctx, text, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func beBroker(ctx context.Context, text string, stdout, stderr io.Writer) error {
	var o broker.Options
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return fmt.Errorf("cannot read %s: %w", role, err)
	}
	level, _ := zerolog.ParseLevel(os.Getenv("LOG_LEVEL")) // unknown: everything
	b, err := broker.Start(o, zerolog.New(stderr).Level(level))
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, ready)
	<-ctx.Done()
	b.Stop()
	return nil
}

// startBroker starts a node and returns when it accepts clients.
func startBroker(ctx context.Context, o broker.Options, log zerolog.Logger) (*process, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("cannot start the broker %s: %w", o.Name, err)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot start the broker %s: %w", o.Name, err)
	}
	lines := make(chan string, 1)
	p, err := start("broker "+o.Name, self, []string{role + "=" + string(text)}, log, lines)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	select {
	case <-lines:
		return p, nil
	case <-p.ended:
		return nil, fmt.Errorf("cannot start the broker %s: it ended with %s; see its log", o.Name, p.cmd.ProcessState)
	case <-ctx.Done():
		p.kill()
		return nil, fmt.Errorf("cannot start the broker %s: %w", o.Name, ctx.Err())
	}
}
