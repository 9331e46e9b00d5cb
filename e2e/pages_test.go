package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"decoupled.example/e2e/docs"
)

// The commands of the README and of every page in docs print what the pages show.
// Commands for containers and clusters are executed by the packages of that name.
func TestPages(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("all that runs are processes of their own")
	}
	pages, err := docs.All("..")
	require.NoError(t, err)
	for _, page := range docs.Guides(pages) {
		t.Run(page.Path, func(t *testing.T) {
			t.Parallel()
			steps, err := page.Steps()
			require.NoError(t, err)
			var r *reader
			for _, step := range steps {
				if step.Runner != docs.Local {
					continue
				}
				if r == nil {
					r = newReader(t)
				}
				r.follow(step)
			}
			if r != nil {
				r.finish()
			}
		})
	}
}

// reader follows a page as a person does: command by command, in a terminal of 80
// columns each.
type reader struct {
	t           *testing.T
	environment []string
	running     []*terminal // the commands in the background, the latest last
}

func newReader(t *testing.T) *reader {
	t.Helper()
	return &reader{t: t, environment: append(os.Environ(),
		"PATH="+goCommand(t)+string(filepath.ListSeparator)+os.Getenv("PATH"),
		"TMPDIR="+t.TempDir(), "TERM=xterm", "NO_COLOR=1",
	)}
}

// broker is in the first line of the demo, whose port may be another one than the
// usual, which the page relies on.
var broker = regexp.MustCompile(`(?m)^Broker at (nats://\S+)\.`)

func (r *reader) follow(step docs.Step) {
	r.t.Helper()
	t := r.start(step)
	if step.Background {
		r.running = append(r.running, t)
	} else {
		t.ends(step.ExitCode)
	}
	for _, output := range step.Outputs {
		if output.AfterInterrupt {
			require.NotEmpty(r.t, r.running, "%s: no command in the background is left to interrupt", step.Where())
			t = r.running[len(r.running)-1]
			r.running = r.running[:len(r.running)-1]
			t.interrupt()
			t.ends(0)
		}
		t.shows(output.Lines)
	}
	if found := broker.FindStringSubmatch(t.output()); found != nil {
		r.environment = append(r.environment, "NATS_URL="+found[1])
	}
}

// finish interrupts what still runs, as a person does in the end.
func (r *reader) finish() {
	r.t.Helper()
	for i := len(r.running) - 1; i >= 0; i-- {
		r.running[i].interrupt()
		r.running[i].ends(0)
	}
}

func (r *reader) start(step docs.Step) *terminal {
	r.t.Helper()
	script := "set -eo pipefail\n" + strings.Join(step.Commands, "\n")
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir = ".."
	cmd.Env = r.environment
	file, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 80})
	require.NoError(r.t, err)
	t := &terminal{t: r.t, step: step, cmd: cmd, file: file, ended: make(chan struct{})}
	go t.read()
	r.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has ended unless the test failed
		<-t.ended
	})
	return t
}

// terminal is one with a command.
type terminal struct {
	t     *testing.T
	step  docs.Step
	cmd   *exec.Cmd
	file  *os.File
	ended chan struct{}

	written output
	seen    int // bytes of its output that pages have shown
}

func (t *terminal) read() {
	defer close(t.ended)
	defer func() { _ = t.file.Close() }() // only read from
	buffer := make([]byte, 32<<10)
	for {
		n, err := t.file.Read(buffer)
		_, _ = t.written.Write(buffer[:n]) // never fails
		if err != nil {                    // also when the last program has closed it
			break
		}
	}
	_ = t.cmd.Wait() // the exit code is in ProcessState
}

func (t *terminal) output() string { return docs.Plain(t.written.String()) }

// interrupt presses Ctrl-C.
func (t *terminal) interrupt() {
	t.t.Helper()
	_, err := t.file.Write([]byte{3})
	require.NoError(t.t, err)
}

// ends waits for the end of the command and requires its exit code.
func (t *terminal) ends(code int) {
	t.t.Helper()
	select {
	case <-t.ended:
	case <-time.After(3 * patience):
		require.FailNow(t.t, "the command does not end", "%s: %v\n%s", t.step.Where(), t.step.Commands, t.output())
	}
	require.Equal(t.t, code, t.cmd.ProcessState.ExitCode(), "%s: %v\n%s", t.step.Where(), t.step.Commands, t.output())
}

// shows waits until the output has those lines, after what was shown before.
func (t *terminal) shows(lines []string) {
	t.t.Helper()
	var missing error
	deadline := time.Now().Add(patience)
	for {
		ended := t.hasEnded()
		out := t.output()
		rest, err := docs.Find(out[min(t.seen, len(out)):], lines)
		if err == nil {
			t.seen = len(out) - len(rest)
			return
		}
		missing = err
		if ended || time.Now().After(deadline) {
			break
		}
		select {
		case <-t.ended:
		case <-time.After(50 * time.Millisecond):
		}
	}
	require.FailNow(t.t, "the page shows other output", "%s: %v: %v\n%s", t.step.Where(), t.step.Commands, missing, t.output())
}

func (t *terminal) hasEnded() bool {
	select {
	case <-t.ended:
		return true
	default:
		return false
	}
}

// goCommand returns a folder with a go command whose "go run" starts programs that
// were built once. Everything else it leaves to the real one.
func goCommand(t *testing.T) (dir string) {
	t.Helper()
	dir, err := builtPrograms()
	require.NoError(t, err)
	return dir
}

// pagePrograms are what the pages run with "go run".
var pagePrograms = map[string]string{
	"./demo": "decoupled.example/demo", "./console": "decoupled.example/console",
	"./requestor/cmd/requestor": "decoupled.example/requestor/cmd/requestor",
	"./generator/cmd/generator": "decoupled.example/generator/cmd/generator",
}

var builtPrograms = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "decoupled-"); err != nil {
		return "", err
	}
	pageFolder = dir
	goPath, err := exec.LookPath("go")
	if err != nil {
		return "", err
	}
	script := "#!/bin/sh\ncase \"$1 $2\" in\n"
	for argument, path := range pagePrograms {
		program := filepath.Join(dir, "bin-"+filepath.Base(path))
		if out, err := exec.Command(goPath, "build", "-o", program, path).CombinedOutput(); err != nil {
			return "", fmt.Errorf("cannot build %s: %w\n%s", path, err, out)
		}
		script += fmt.Sprintf("'run %s') shift 2; exec '%s' \"$@\" ;;\n", argument, program)
	}
	script += fmt.Sprintf("esac\nexec '%s' \"$@\"\n", goPath)
	return dir, os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o700)
})

// pageFolder is where the programs are; TestMain removes it.
var pageFolder string
