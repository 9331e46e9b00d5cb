package service

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2 // kong would say 80
)

// Program is one executable of a service.
type Program struct {
	// Name is what it is called everywhere: in its help, its log lines, its
	// connection, and as a service. Letters, digits and dashes.
	Name string
	// About is what it does, in one sentence, for its help.
	About string
	// Options points to the program's options. They are read from the command
	// line and the environment before Run is called.
	Options Options
	// Run does the work until ctx ends. Then it begins nothing new, finishes
	// what it has in hand within Service.Grace, and returns nil or the error of
	// ctx. It may return nil earlier, when all is done. Any other error makes
	// the program fail.
	//
	// A Run that does not return is given half the grace on top, to hand back
	// and to flush; then the program ends without it, and fails. With a moment
	// for closing, an orchestrator should therefore allow twice the grace before
	// it kills.
	//
	// A panic in Run is not caught.
	Run func(ctx context.Context, s *Service) error
}

// Main is the whole main function of a program: it does not return. SIGTERM and
// SIGINT end the context of Run; a second one ends the process at once.
func (p Program) Main() {
	os.Exit(p.Execute(UntilSignal(), os.Args[1:], os.Stdout, os.Stderr))
}

// UntilSignal returns a context that SIGTERM or SIGINT ends, with the signal as
// its cause; a second one ends the process at once.
//
// Unlike with signal.NotifyContext, the default for the second signal is back
// before anyone sees the end of the context.
func UntilSignal() context.Context {
	ctx, stop := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		first := <-signals
		signal.Stop(signals)
		stop(fmt.Errorf("%v signal", first))
	}()
	return ctx
}

// Execute is Main for tests: it takes a context instead of signals, and returns
// the exit code. Flags that args do not give are looked up in the environment.
// A Program has one set of options, so it is executed once at a time.
func (p Program) Execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
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
func (p Program) parse(args []string, stdout, stderr io.Writer) (*kong.Context, int) {
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
	if exit >= 0 {
		return nil, exit
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\nRun \"%s --help\" for all flags.\n", p.Name, err, p.Name)
		return nil, exitUsage
	}
	return command, exitDone
}

// shown returns the effective settings as they may be logged: what is empty left
// out, and the values of flags tagged secret:"" too.
func shown(command *kong.Context) map[string]string {
	settings := make(map[string]string)
	for _, flag := range command.Model.Flags {
		value := fmt.Sprint(flag.Target.Interface())
		if value == "" || flag.Name == "help" || flag.Name == "version" {
			continue
		}
		if flag.Tag.Has("secret") {
			value = "(secret)"
		}
		settings[flag.Name] = value
	}
	return settings
}
