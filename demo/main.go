// Command demo runs everything in one process: a broker, a requestor and some
// generators, and shows what happens. When it is stopped it proves that nothing
// was lost and nothing done twice.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"decoupled.example/demo/screen"
	"decoupled.example/shared/service"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// execute is main for tests: the context stands for signals.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var options options
	exit := -1
	parser := kong.Must(&options,
		kong.Name("demo"),
		kong.Description("Runs a broker, a requestor and some generators in one process, on real traffic. Ctrl-C stops asking, waits until everything is finished, and verifies that nothing was lost and nothing done twice: exit code 0, or 1 if not."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exit = code }),
	)
	_, err := parser.Parse(args)
	if exit >= 0 {
		return exit
	}
	if err != nil {
		fmt.Fprintf(stderr, "demo: %v\nRun with --help for all flags.\n", err)
		return exitUsage
	}
	s := screen.New(stdout)
	log := service.NewLog(s, service.Logging{Level: options.LogLevel, Format: "console"}, "demo")
	err = run(ctx, options, s, log)
	switch {
	case errors.Is(err, errNotProven):
		return exitFailed // the tally has said why
	case err != nil:
		fmt.Fprintf(stderr, "demo: %v\n", err)
		return exitFailed
	}
	return exitDone
}
