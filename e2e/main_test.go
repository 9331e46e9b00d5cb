package e2e_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"decoupled.example/demo/broker"
	"decoupled.example/generator"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

// role makes the test binary another program: a process that a test can kill.
const role = "DECOUPLED_E2E_ROLE"

func TestMain(m *testing.M) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := 0
	switch os.Getenv(role) {
	case "":
		code = m.Run()
		removePrograms()
	case "broker":
		code = exitCode(runBroker(ctx))
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

// runBroker is a broker that dies without a goodbye when it is killed.
func runBroker(ctx context.Context) error {
	port, err := strconv.Atoi(os.Getenv("PORT"))
	if err != nil {
		return err
	}
	b, err := broker.Start(broker.Options{Port: port, Dir: os.Getenv("DIR"), Sync: time.Second}, stderrLog())
	if err != nil {
		return err
	}
	<-ctx.Done()
	b.Stop()
	return nil
}

// runKiller is a generator whose process does not survive one request.
func runKiller(ctx context.Context) error {
	log := stderrLog()
	conn, err := service.Connect(context.WithoutCancel(ctx), log, service.Broker{URL: os.Getenv("NATS_URL")}, topology.Generator)
	if err != nil {
		return err
	}
	defer conn.Close()
	t, err := topology.Open(conn, log, time.Second)
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
