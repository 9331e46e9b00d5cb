package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The first command that anyone tries, as a program of its own: interrupted as at
// a terminal, it ends in order and leaves nothing behind.
func TestDemoIsInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := filepath.Join(dir, "demo")
	out, err := exec.Command("go", "build", "-o", program, "decoupled.example/demo").CombinedOutput()
	require.NoError(t, err, "%s", out)

	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run("while it runs, by "+signal.String(), func(t *testing.T) {
			t.Parallel()
			temporary := t.TempDir()
			demo := launch(t, program, []string{"TMPDIR=" + temporary}, "--duration", "1h", "--dashboard", "")
			require.Eventually(t, func() bool {
				return demo.hasEnded() || received.MatchString(demo.output.String())
			}, patience, 10*time.Millisecond, "requests are finished")

			require.Zero(t, demo.end(signal))
			require.Regexp(t, `(?m)^  received +[1-9]`, demo.output.String(), "the tally")
			require.Contains(t, demo.output.String(), "OK: nothing was lost")
			require.Empty(t, left(t, temporary))
		})
	}
	t.Run("by its reader, which leaves", func(t *testing.T) {
		t.Parallel()
		temporary := t.TempDir()
		var stderr output
		demo := exec.CommandContext(t.Context(), program, "--duration", "1h", "--dashboard", "")
		demo.Env = append(os.Environ(), "TMPDIR="+temporary)
		demo.Stderr = &stderr
		stdout, err := demo.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, demo.Start())
		_, err = stdout.Read(make([]byte, 1))
		require.NoError(t, err)
		require.NotEmpty(t, left(t, temporary))
		require.NoError(t, stdout.Close())
		require.Error(t, demo.Wait())
		require.Equal(t, 141, demo.ProcessState.ExitCode(), stderr.String())
		require.Empty(t, left(t, temporary))
	})
	t.Run("while it plays a scenario on processes", func(t *testing.T) {
		t.Parallel()
		if runtime.GOOS != "linux" {
			t.Skip("the processes are looked for in /proc")
		}
		home := t.TempDir()
		its := filepath.Join(home, "demo") // the broker is this program again
		require.NoError(t, os.Link(program, its))
		temporary := filepath.Join(home, "temporary")
		require.NoError(t, os.Mkdir(temporary, 0o700))
		demo := launch(t, its, []string{"TMPDIR=" + temporary}, "scenario", "run", "crash", "--on", "processes")
		require.Eventually(t, func() bool {
			return demo.hasEnded() || strings.Contains(demo.output.String(), "▸") && len(running(t, home)) == 4
		}, patience, 10*time.Millisecond, "it, the broker and both services run")

		require.Equal(t, 1, demo.end(syscall.SIGHUP))
		require.Contains(t, demo.output.String(), "interrupted")
		require.Empty(t, left(t, temporary))
		require.Empty(t, running(t, home))
	})
}

// received is in a line of the demo that tells of finished requests.
var received = regexp.MustCompile(`received [1-9]`)

// left is what is in a folder.
func left(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// running are the processes of programs below a folder, which may be gone by now.
func running(t *testing.T, dir string) (pids []string) {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	require.NoError(t, err)
	for _, link := range links {
		if program, err := os.Readlink(link); err == nil && strings.HasPrefix(program, dir) {
			pids = append(pids, link)
		}
	}
	return pids
}
