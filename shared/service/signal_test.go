package service_test

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
)

// child runs one of the programs as a process of its own.
func child(t *testing.T, program string, environment ...string) (*exec.Cmd, *lines) {
	t.Helper()
	log := &lines{}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	command := exec.CommandContext(ctx, os.Args[0])
	command.Env = append(os.Environ(), append(environment, asProgram+"="+program)...)
	command.Stderr = log
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		if t.Failed() {
			t.Logf("log of the child:\n%s", log)
		}
	})
	return command, log
}

func TestSignalsStopTheProgramInOrder(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		command, log := child(t, "orderly", "NATS_URL="+b.URL())
		log.await(t, "running")
		require.NoError(t, command.Process.Signal(signal))
		require.NoError(t, command.Wait())
		log.await(t, "stopping", signal.String())
		log.await(t, "stopped")
	}
}

func TestASecondSignalEndsTheProgramAtOnce(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	command, log := child(t, "stubborn", "NATS_URL="+b.URL(), "GRACE=1h")
	log.await(t, "running")
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	log.await(t, "stopping")
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))

	var exit *exec.ExitError
	require.ErrorAs(t, command.Wait(), &exit)
	status, ok := exit.Sys().(syscall.WaitStatus)
	require.True(t, ok)
	require.Equal(t, syscall.SIGTERM, status.Signal())
}

func TestAPanicIsNotHidden(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	command, log := child(t, "panicking", "NATS_URL="+b.URL())
	require.Error(t, command.Wait())
	require.Equal(t, 2, command.ProcessState.ExitCode())
	log.await(t, "panic: a bug in the work")
	log.await(t, "main_test.go")
}

func TestSettingsComeFromTheEnvironment(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	command, log := child(t, "orderly", "NATS_URL="+b.URL(), "NATS_USER=worker", "NATS_PASSWORD=s3cret",
		"LISTEN=127.0.0.1:0", "GRACE=3s", "RATE=0.5", "LOG_LEVEL=debug", "LOG_FORMAT=json")
	line := log.await(t, "starting")
	for _, want := range []string{b.URL(), `"nats-user":"worker"`, `"nats-password":"(secret)"`, `"listen":"127.0.0.1:0"`, `"grace":"3s"`, `"rate":"0.5"`, `"log-level":"debug"`} {
		require.Contains(t, line, want)
	}
	log.await(t, "health and metrics are served at")
	log.await(t, "running")
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	require.NoError(t, command.Wait())
	require.NotContains(t, log.String(), "s3cret")
}
