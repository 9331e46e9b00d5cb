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

	"github.com/alecthomas/kong"

	"decoupled.example/console/dashboard"
	"decoupled.example/shared/service"
	"decoupled.example/shared/stdio"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// errCheckFailed is the error of a check that found something wrong and has reported it.
var errCheckFailed = errors.New("the check failed")

func main() {
	service.OutliveReaders()
	os.Exit(execute(service.UntilSignal(), os.Args[1:], os.Stdout, os.Stderr))
}

// execute is main for tests: the context stands for signals.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := stdio.NewOutput(stdout)
	return out.Exit(perform(ctx, args, out, stderr), "console", stderr)
}

func perform(ctx context.Context, args []string, stdout *stdio.Output, stderr io.Writer) int {
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
	if exit >= 0 || stdout.Err() != nil {
		return max(exit, exitDone)
	}
	if err != nil {
		fmt.Fprintf(stderr, "console: %s\nRun \"console --help\" for all commands and flags.\n", service.UsageError(err, parser.Model, args))
		return exitUsage
	}
	err = run(ctx, command, c, stdout, stderr)
	switch {
	case stdout.Err() != nil && err != nil && err.Error() == stdout.Err().Error():
		return exitDone // it could print nothing; Exit says so
	case errors.Is(err, errCheckFailed):
		return exitFailed // it has said what
	case err != nil:
		fmt.Fprintf(stderr, "console: %v\n", err)
		return exitFailed
	}
	return exitDone
}

// run runs a command, over a connection if it takes a session.
func run(ctx context.Context, command *kong.Context, c cli, stdout *stdio.Output, stderr io.Writer) error {
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
