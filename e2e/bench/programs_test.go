package bench

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// programs are the real binaries, built once.
var programs struct {
	once sync.Once
	dir  string
	err  error
}

// program returns the path of "requestor", "generator" or "demo".
func program(b *testing.B, name string) string {
	b.Helper()
	programs.once.Do(func() {
		if programs.dir, programs.err = os.MkdirTemp("", "decoupled-bench-"); programs.err != nil {
			return
		}
		var out []byte
		out, programs.err = exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", programs.dir+string(filepath.Separator),
			"decoupled.example/requestor/cmd/requestor", "decoupled.example/generator/cmd/generator", "decoupled.example/demo").CombinedOutput()
		if programs.err != nil {
			programs.err = fmt.Errorf("cannot build the programs: %w\n%s", programs.err, out)
		}
	})
	require.NoError(b, programs.err)
	return filepath.Join(programs.dir, name)
}

func removePrograms() {
	if programs.dir != "" {
		_ = os.RemoveAll(programs.dir) // a temporary folder
	}
}

// launch starts a program and ends it, in order, with the benchmark.
func launch(b *testing.B, name string, environment []string, args ...string) *exec.Cmd {
	b.Helper()
	cmd := exec.Command(program(b, name), args...)
	cmd.Env = append(os.Environ(), environment...)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		_ = cmd.Wait()
	})
	return cmd
}

// launchReady launches a service and returns how long it took to be ready.
func launchReady(b *testing.B, name, url string) (*exec.Cmd, time.Duration) {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	address := listener.Addr().String()
	require.NoError(b, listener.Close())
	program(b, name) // building it is not starting it
	begun := time.Now()
	cmd := launch(b, name, []string{"NATS_URL=" + url, "LISTEN=" + address, "RATE=0", "LOG_LEVEL=error"})
	require.Eventually(b, func() bool {
		response, err := http.Get("http://" + address + "/readyz")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	}, time.Minute, time.Millisecond, "%s is not ready", strings.ToUpper(name))
	return cmd, time.Since(begun)
}
