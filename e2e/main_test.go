package e2e_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"decoupled.example/demo/baseline"
	"decoupled.example/demo/processes"
	"decoupled.example/generator"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

// role makes the test binary another program: a process that a test can kill.
const role = "DECOUPLED_E2E_ROLE"

func TestMain(m *testing.M) {
	processes.BecomeBroker()
	baseline.BecomeJob()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := 0
	switch os.Getenv(role) {
	case "":
		// Under nohup this process ignores the signal, and so would the programs that
		// it starts, unless it is handled here.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
		code = m.Run()
		_ = programs.Remove() // a temporary folder
		_ = os.RemoveAll(pageFolder)
	case "killer":
		code = exitCode(runKiller(ctx))
	}
	stop()
	os.Exit(code)
}

func exitCode(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// runKiller is a generator whose process does not survive one request.
func runKiller(ctx context.Context) error {
	log := stderrLog()
	conn, err := service.Connect(context.WithoutCancel(ctx), log, service.Broker{URL: os.Getenv("NATS_URL")}, topology.Generator)
	if err != nil {
		return err
	}
	defer conn.Close()
	t, err := topology.Open(conn, service.Slog(log), topology.Options{ShutdownTimeout: time.Second})
	if err != nil {
		return err
	}
	random := generator.Random(generator.Options{})
	return generator.New(t, func(ctx context.Context, request contract.Request) (string, error) {
		if request.ID == os.Getenv("DEADLY") {
			os.Exit(137)
		}
		return random(ctx, request)
	}).Run(ctx)
}

func stderrLog() zerolog.Logger { return zerolog.New(os.Stderr).Level(zerolog.WarnLevel) }
