package permissions_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// programs are the binaries, built once.
var programs struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if programs.dir != "" {
		_ = os.RemoveAll(programs.dir) // a temporary folder
	}
	os.Exit(code)
}

func program(t testing.TB, name string) string {
	t.Helper()
	programs.once.Do(func() {
		if programs.dir, programs.err = os.MkdirTemp("", "decoupled-permissions-"); programs.err != nil {
			return
		}
		var out []byte
		out, programs.err = exec.Command("go", "build", "-o", programs.dir+string(filepath.Separator),
			"decoupled.example/requestor/cmd/requestor", "decoupled.example/generator/cmd/generator", "decoupled.example/console").CombinedOutput()
		if programs.err != nil {
			programs.err = fmt.Errorf("cannot build the programs: %w\n%s", programs.err, out)
		}
	})
	require.NoError(t, programs.err)
	return filepath.Join(programs.dir, name)
}

// command is a program that logs in as a user with its own secret.
func (b *broker) command(name, user string, args ...string) *exec.Cmd {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 2*patience)
	b.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program(b.t, name), args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Env = append(os.Environ(), "NATS_URL="+b.URL(), "NATS_USER="+user, "NATS_PASSWORD_FILE="+b.secret(user))
	return cmd
}

// service runs a service until the test ends. It must have been allowed all that
// it tried.
func (b *broker) service(name string, args ...string) {
	b.t.Helper()
	cmd := b.command(name, name, args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	require.NoError(b.t, cmd.Start())
	b.t.Cleanup(func() {
		if b.t.Failed() {
			b.t.Logf("%s said:\n%s", name, &said)
		}
	})
	b.t.Cleanup(func() {
		_ = cmd.Wait() // with the test's context it was told to stop
		require.NotContains(b.t, said.String(), "does not allow")
	})
}

// console runs a command of the console and returns its exit code and what it
// said.
func (b *broker) console(user string, args ...string) (code int, stdout, stderr string) {
	b.t.Helper()
	cmd := b.command("console", user, args...)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	_ = cmd.Run() // the exit code is in ProcessState
	require.NotNil(b.t, cmd.ProcessState)
	return cmd.ProcessState.ExitCode(), out.String(), err.String()
}

// does runs a command that must succeed and be allowed everything.
func (b *broker) does(user string, args ...string) string {
	b.t.Helper()
	code, stdout, stderr := b.console(user, args...)
	require.Zero(b.t, code, "%s: console %v: %s%s", user, args, stdout, stderr)
	require.NotContains(b.t, stderr, "does not allow")
	return stdout
}
