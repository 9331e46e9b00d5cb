package e2e_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds every wait. It is generous because a loaded machine is slow;
// no test waits for it unless it fails.
const patience = 60 * time.Second

// process is a program that runs on its own, so that real signals can hit it.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	output output
	ended  chan struct{}
}

// output is what a process has written until now.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
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
func (p *process) terminate() int { return p.end(syscall.SIGTERM) }

// end ends the process with a signal and returns its exit code.
func (p *process) end(with os.Signal) int {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(with))
	select {
	case <-p.ended:
	case <-time.After(patience):
		require.Fail(p.t, "the process does not end")
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// self starts the test binary in one of its roles.
func self(t *testing.T, as string, environment ...string) *process {
	t.Helper()
	return launch(t, os.Args[0], append(environment, role+"="+as))
}
