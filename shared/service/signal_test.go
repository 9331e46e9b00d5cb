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
	return start(t, program, []string{os.Args[0]}, environment...)
}

// start runs one of the programs by a command line.
func start(t *testing.T, program string, line []string, environment ...string) (*exec.Cmd, *lines) {
	t.Helper()
	log := &lines{}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	command := exec.CommandContext(ctx, line[0], line[1:]...)
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
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
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

// When a terminal closes, the kernel and the shell may both send a SIGHUP: the
// second one of the two is no second wish.
func TestSIGHUP_TwiceAtOnceIsOne(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	command, log := child(t, "stubborn", "NATS_URL="+b.URL(), "GRACE=300ms")
	log.await(t, "running")
	require.NoError(t, command.Process.Signal(syscall.SIGHUP))
	log.await(t, "stopping")
	require.NoError(t, command.Process.Signal(syscall.SIGHUP))
	require.Error(t, command.Wait())
	require.Equal(t, 1, command.ProcessState.ExitCode(), "it ended by itself, when its time was over")
}

func TestSIGHUP_LaterEndsTheProgramAtOnce(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	command, log := child(t, "stubborn", "NATS_URL="+b.URL(), "GRACE=1h")
	log.await(t, "running")
	require.NoError(t, command.Process.Signal(syscall.SIGHUP))
	log.await(t, "stopping")
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	require.Eventually(t, func() bool {
		_ = command.Process.Signal(syscall.SIGHUP) // fails once it has ended
		return len(ended) > 0
	}, patience, tick)
	require.ErrorContains(t, <-ended, "hangup")
}

func TestSIGHUP_StaysIgnoredUnderNohup(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	command, log := start(t, "orderly", []string{"nohup", os.Args[0]}, "NATS_URL="+b.URL())
	log.await(t, "running")
	require.NoError(t, command.Process.Signal(syscall.SIGHUP))
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	require.NoError(t, command.Wait())
	log.await(t, "stopping", "terminated")
	require.Empty(t, log.with("hangup"))
}

// Whoever reads the log may leave, and the disk that it goes to may be full.
func TestAServiceOutlivesTheReaderOfItsLog(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = full.Close() })
	reader, left, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { _ = left.Close() })
	require.NoError(t, reader.Close())
	//nolint:paralleltest // one at a time: it counts the broker's clients
	for name, stderr := range map[string]*os.File{"the disk is full": full, "the reader has left": left} {
		t.Run(name, func(t *testing.T) {
			// The broker may still count the client of the program before.
			require.Eventually(t, func() bool { return b.Server().NumClients() == 0 }, patience, tick)
			command := exec.CommandContext(t.Context(), os.Args[0])
			command.Env = append(os.Environ(), "NATS_URL="+b.URL(), asProgram+"=orderly")
			command.Stderr = stderr
			require.NoError(t, command.Start())
			require.Eventually(t, func() bool { return b.Server().NumClients() == 1 }, patience, tick)
			require.NoError(t, command.Process.Signal(syscall.SIGTERM))
			require.NoError(t, command.Wait())
		})
	}
}

// A program may be started without any of the three standard descriptors. What it
// opens then must not become its output.
func TestStandardDescriptorsMayBeClosed(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	before := b.Server().NumClients()
	command, _ := start(t, "orderly", []string{"sh", "-c", `exec "$0" <&- >&- 2>&-`, os.Args[0]}, "NATS_URL="+b.URL())
	require.Eventually(t, func() bool { return b.Server().NumClients() > before }, patience, tick)
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	require.NoError(t, command.Wait())
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
