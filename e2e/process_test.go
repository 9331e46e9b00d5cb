package e2e_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// process is a program that runs on its own, so that real signals can hit it.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	output bytes.Buffer // to be read after ended is closed
	ended  chan struct{}
}

// launch starts a program with additional environment variables, and kills it
// when the test ends. Its output is shown if the test failed.
func launch(t *testing.T, program string, environment []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(program, args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), environment...)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // the exit code is in ProcessState
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s %v said:\n%s", filepath.Base(program), args, p.output.String())
		}
	})
	return p
}

// kill ends the process with SIGKILL and returns when it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.ended
}

// terminate ends the process with SIGTERM and returns its exit code.
func (p *process) terminate() int {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	return p.wait()
}

// wait returns the exit code when the process has ended by itself.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		require.Fail(p.t, "the process does not end")
	}
	return p.cmd.ProcessState.ExitCode()
}

// self starts the test binary in one of its roles.
func self(t *testing.T, as string, environment ...string) *process {
	t.Helper()
	return launch(t, os.Args[0], append(environment, role+"="+as))
}

// brokerProcess is a broker in a process of its own, on a fixed port.
type brokerProcess struct {
	*process
	t    *testing.T
	port int
	dir  string
}

func startBrokerProcess(t *testing.T) *brokerProcess {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	require.NoError(t, listener.Close())
	b := &brokerProcess{t: t, port: port, dir: t.TempDir()}
	b.start()
	return b
}

func (b *brokerProcess) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", b.port) }

// start starts it again after a kill, with its data, and returns when it
// accepts clients.
func (b *brokerProcess) start() {
	b.t.Helper()
	b.process = self(b.t, "broker", "PORT="+strconv.Itoa(b.port), "DIR="+b.dir)
	require.Eventually(b.t, func() bool {
		nc, err := nats.Connect(b.url())
		if err == nil {
			nc.Close()
		}
		return err == nil
	}, patience, 10*time.Millisecond, "the broker does not start")
}

// programs are the services' binaries, built once.
var programs struct {
	once sync.Once
	dir  string
	err  error
}

// program returns the path of a service's binary.
func program(t *testing.T, name string) string {
	t.Helper()
	programs.once.Do(func() {
		if programs.dir, programs.err = os.MkdirTemp("", "decoupled-e2e-"); programs.err != nil {
			return
		}
		var out []byte
		out, programs.err = exec.Command("go", "build", "-o", programs.dir+string(filepath.Separator),
			"decoupled.example/requestor/cmd/requestor", "decoupled.example/generator/cmd/generator").CombinedOutput()
		if programs.err != nil {
			programs.err = fmt.Errorf("cannot build the services: %w\n%s", programs.err, out)
		}
	})
	require.NoError(t, programs.err)
	return filepath.Join(programs.dir, name)
}

func removePrograms() {
	if programs.dir != "" {
		_ = os.RemoveAll(programs.dir) // a temporary folder
	}
}
