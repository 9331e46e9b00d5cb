// Command demo runs everything in one process: a broker, a requestor and some generators,
// and shows what happens. When it is stopped it proves that nothing was lost and nothing
// was done twice. Each of its scenarios tests a claim of the project.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"decoupled.example/console/dashboard"
	"decoupled.example/demo/baseline"
	"decoupled.example/demo/processes"
	"decoupled.example/demo/scenario"
	"decoupled.example/shared/service"
	"decoupled.example/shared/stdio"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// errUsage is the error for a wrong command line.
var errUsage = errors.New("wrong usage")

// commands are what the demo can do. Without a command it runs.
type commands struct {
	Version kong.VersionFlag `help:"Print version and commit, and exit."`

	Run      runCommand      `cmd:"" default:"withargs" help:"Run a broker, a requestor and some generators in one process (the default). Ctrl-C stops asking, waits until everything is finished, and verifies that nothing was lost and nothing done twice: exit code 0, or 1 if not."`
	Scenario scenarioCommand `cmd:"" help:"Put the project's claims to the test."`
}

// session is what commands share.
type session struct {
	ctx    context.Context
	stdout io.Writer
}

func main() {
	processes.BecomeBroker()
	baseline.BecomeJob()
	service.OutliveReaders() // what was started must still be ended
	os.Exit(execute(service.UntilSignal(), os.Args[1:], os.Stdout, os.Stderr))
}

// execute is main for tests: the context stands for signals. A failed write to
// standard output ends the demo like a signal.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	out := stdio.NewOutput(stdout)
	go func() {
		select {
		case <-out.Failed():
			stop()
		case <-ctx.Done():
		}
	}()
	return out.Exit(perform(ctx, args, out, stderr), "demo", stderr)
}

func perform(ctx context.Context, args []string, stdout *stdio.Output, stderr io.Writer) int {
	var commands commands
	exit := -1
	parser := kong.Must(&commands,
		kong.Name("demo"),
		kong.Description("Two services that only ever meet in a queue, on real traffic."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exit = code }),
		kong.Bind(&session{ctx: ctx, stdout: stdout}),
		kong.Vars{"version": "demo " + service.CurrentBuild().String(), "kinds": kindNames(), "dashboard": dashboard.DefaultAddress},
	)
	command, err := parser.Parse(args)
	if exit >= 0 || stdout.Err() != nil {
		return max(exit, exitDone)
	}
	if err != nil {
		fmt.Fprintf(stderr, "demo: %s\nRun with --help for all flags.\n", service.UsageError(err, parser.Model, args))
		return exitUsage
	}
	err = command.Run()
	switch {
	case err != nil && errors.Is(err, stdout.Err()):
		return exitDone // it could show nothing; Exit says so
	case errors.Is(err, errNotProven):
		return exitFailed // what was shown has said why
	case errors.Is(err, scenario.ErrUnknown), errors.Is(err, errUsage):
		fmt.Fprintf(stderr, "demo: %v\n", err)
		return exitUsage
	case err != nil:
		fmt.Fprintf(stderr, "demo: %v\n", err)
		return exitFailed
	}
	return exitDone
}
