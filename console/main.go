// Command console operates any running deployment, given its NATS URL and
// credentials. Each command is a thin layer on a package of its own; demos and
// tests use the packages.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"decoupled.example/console/dashboard"
	"decoupled.example/shared/service"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// cli are the flags and commands of the console.
type cli struct {
	service.Broker `group:"Connection to NATS:"`

	Wait    time.Duration    `default:"10s" help:"How long to wait for a broker that is away or does not answer."`
	JSON    bool             `name:"json" help:"Print JSON."`
	Version kong.VersionFlag `help:"Print version and commit, and exit."`

	Setup  setupCommand  `cmd:"" help:"Make the queues and ledgers, or check that they are as they should be."`
	Status statusCommand `cmd:"" help:"Show queues, replicas, ledgers and dead letters."`
	Send   sendCommand   `cmd:"" help:"Ask for strings as the requestor does."`
	Drain  drainCommand  `cmd:"" help:"Wait until everything is finished. Exit code 1, and what remains, if it is not in time."`
	Verify verifyCommand `cmd:"" help:"Prove from the ledgers that nothing was lost and nothing done twice. Exit code 1 if something was."`
	Dead   deadCommand   `cmd:"" help:"Look at dead letters, redrive or discard them."`
	Pause  pauseCommand  `cmd:"" help:"Stop delivery from a queue, without touching any replica."`
	Resume resumeCommand `cmd:"" help:"Let delivery from a paused queue go on."`
	Reset  resetCommand  `cmd:"" help:"Empty queues, ledgers and dead letters, and prove that all are."`
	Trace  traceCommand  `cmd:"" help:"Tell one request's life: what it passed and when, and where it is."`

	Dashboard    dashboardCommand    `cmd:"" help:"Serve a page that shows all this while it runs, and lets people act."`
	Healthcheck  healthcheckCommand  `cmd:"" help:"Ask the dashboard that listens there whether it serves. Exit code 1, and why not, if it does not."`
	Credentials  credentialsCommand  `cmd:"" help:"Make random passwords for the broker and its users, once: in a folder, or as Secrets for Kubernetes."`
	Certificates certificatesCommand `cmd:"" help:"Make a certificate for the broker, and the authority that its clients trust."`
}

// Validate names the flag that is out of range. It is called by kong.
func (c *cli) Validate() error {
	if c.Wait <= 0 {
		return fmt.Errorf("--wait must be more than 0s, not %v", c.Wait)
	}
	return nil
}

// errCheckFailed is the error of a check that found something wrong, and has
// said what.
var errCheckFailed = errors.New("the check failed")

func main() {
	os.Exit(execute(service.UntilSignal(), os.Args[1:], os.Stdout, os.Stderr))
}

// execute is main for tests: the context stands for signals.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c cli
	exit := -1
	parser := kong.Must(&c,
		kong.Name("console"),
		kong.Description("Operates a running deployment. Exit codes: 0 done, 1 failed, or the check found something, 2 wrong usage."),
		kong.Vars{"version": "console " + service.CurrentBuild().String(), "dashboard": dashboard.DefaultAddress},
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exit = code }), // after --help and --version; kong goes on parsing
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	command, err := parser.Parse(args)
	if exit >= 0 {
		return exit
	}
	if err != nil {
		fmt.Fprintf(stderr, "console: %v\nRun \"console --help\" for all commands and flags.\n", err)
		return exitUsage
	}
	err = run(ctx, command, c, stdout, stderr)
	switch {
	case errors.Is(err, errCheckFailed):
		return exitFailed // it has said what
	case err != nil:
		fmt.Fprintf(stderr, "console: %v\n", err)
		return exitFailed
	}
	return exitDone
}

// run runs a command, over a connection if it takes a session.
func run(ctx context.Context, command *kong.Context, c cli, stdout, stderr io.Writer) error {
	var s *session
	err := command.BindSingletonProvider(func() (_ *session, err error) {
		s, err = open(ctx, c, command.Command() == "dashboard", stdout, stderr)
		return s, err
	})
	if err != nil {
		return err
	}
	command.Bind(printer{out: stdout, json: c.JSON})
	err = command.Run()
	if s != nil {
		err = s.failure(err)
		s.close()
	}
	return err
}
