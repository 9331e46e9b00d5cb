package service

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"decoupled.example/shared/stdio"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2 // kong would say 80
)

// Program is one executable of a service.
type Program struct {
	// Name is the program's name in its help, its log lines, its connection, and as a
	// service. It has letters, digits and dashes.
	Name string
	// About is what it does, in one sentence, for its help.
	About string
	// Options points to the program's options. They are read from the command
	// line and the environment before Run is called.
	Options Options
	// Run does the work until ctx ends. Then it begins nothing new, finishes the
	// work in progress, and returns nil or the error of ctx before Service.ShutdownTimeout is
	// over. It may return nil earlier, when all is done. Any other error makes the
	// program fail.
	//
	// The whole shutdown takes at most Service.ShutdownTimeout after ctx ended: a Run that has
	// not returned by then is left behind, and the program fails. An orchestrator
	// should allow a moment more than that before it kills.
	//
	// A panic in Run is not caught.
	Run func(ctx context.Context, s *Service) error
}

// Main is the whole main function of a program: it does not return. SIGTERM,
// SIGINT and SIGHUP end the context of Run, as UntilSignal says; a second one ends
// the process at once. The program outlives the reader of its log.
func (p Program) Main() {
	OutliveReaders()
	os.Exit(p.Execute(UntilSignal(), os.Args[1:], os.Stdout, os.Stderr))
}

// Execute is Main for tests: it takes a context instead of signals, and returns
// the exit code. Flags that args do not give are looked up in the environment.
// A Program has one set of options, so it is executed once at a time.
func (p Program) Execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := stdio.NewOutput(stdout)
	return out.Exit(p.execute(ctx, args, out, stderr), p.Name, stderr)
}

func (p Program) execute(ctx context.Context, args []string, stdout *stdio.Output, stderr io.Writer) int {
	command, code := p.parse(args, stdout, stderr)
	if command == nil {
		return code
	}
	settings := p.Options.settings()
	if command.Command() == "healthcheck" {
		if err := healthcheck(ctx, settings.Listen); err != nil {
			fmt.Fprintln(stderr, err)
			return exitFailed
		}
		return exitDone
	}

	log := NewLog(stderr, settings.Logging, p.Name)
	build := CurrentBuild()
	log.Info().Str("version", build.Version).Str("commit", build.Commit).Interface("settings", shown(command)).Msg("starting")
	told, err := p.live(ctx, log)
	if err != nil {
		log.Error().Err(err).Msg("failed")
		return exitFailed
	}
	log.Info().Msgf("stopped; it took %v", time.Since(told).Round(time.Millisecond))
	return exitDone
}

// parse returns nil and the exit code when there is nothing left to do.
func (p Program) parse(args []string, stdout *stdio.Output, stderr io.Writer) (*kong.Context, int) {
	exit := -1
	parser := kong.Must(p.Options,
		kong.Name(p.Name),
		kong.Description(p.About),
		kong.Vars{"version": p.Name + " " + CurrentBuild().String()},
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exit = code }), // after --help and --version; kong goes on parsing
		kong.DynamicCommand("run", "Run the service. This is what happens without a command.", "", &struct{}{}, `default:"1"`),
		kong.DynamicCommand("healthcheck", "Ask the service that runs with the same settings whether it is ready: exit code 0, or 1 and why not.", "", &struct{}{}),
	)
	command, err := parser.Parse(args)
	if exit >= 0 || stdout.Err() != nil {
		return nil, max(exit, exitDone)
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %s\nRun \"%s --help\" for all flags.\n", p.Name, UsageError(err, parser.Model, args), p.Name)
		return nil, exitUsage
	}
	return command, exitDone
}
