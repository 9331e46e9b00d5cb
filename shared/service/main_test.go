package service_test

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"decoupled.example/shared/service"
)

// asProgram makes the test binary the program of that name, so that tests can
// send it real signals.
const asProgram = "SERVICE_TEST_PROGRAM"

var programs = map[string]run{
	"orderly": idle,
	"stubborn": func(context.Context, *service.Service) error {
		select {}
	},
	"panicking": func(context.Context, *service.Service) error {
		panic("a bug in the work")
	},
}

func TestMain(m *testing.M) {
	if run, ok := programs[os.Getenv(asProgram)]; ok {
		var o options
		service.Program{Name: "tester", About: "Is tested.", Options: &o, Run: run}.Main()
	}
	// Under nohup this process ignores the signal, and so would the programs that it
	// starts, unless it is handled here.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	os.Exit(m.Run())
}
