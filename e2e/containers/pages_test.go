package containers_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/e2e/docs"
)

// prints is what commands of the pages must print, by how they end, beyond what the
// pages show: the exact numbers.
var prints = map[string]string{
	"compose run --rm console send 1000":   `sent 1000 requests`,
	"compose run --rm console status":      `REQUESTS +1000 +1000 +0 (.|\n)*requestor`,
	"compose run --rm console drain":       `drained after .*; dead letters: 0`,
	"compose run --rm console verify":      `complete +1000\n(.|\n)*OK: nothing was lost, nothing was done twice`,
	"cluster.yaml run --rm console status": `REQUESTS (.|\n)*leader nats(-2|-3)? of 3(.|\n)*HOST *(\n(generator|requestor) .*){3}`,
	"tls.yaml run --rm console status":     `REQUESTS +0 (.|\n)*HOST *(\n(generator|requestor) .*){3}`,
}

// The commands for containers in the README and in docs print what the pages show.
func TestPages(t *testing.T) {
	t.Parallel()
	long(t)
	docker(t)
	composes(t)
	pages, err := docs.All(root)
	require.NoError(t, err)
	p := project{t: t, name: fmt.Sprintf("decoupled-test-%d", os.Getpid()), port: freePort(t), dashboard: freePort(t)}
	everything := []string{"-f", "docker-compose.yml", "-f", "deploy/compose/cluster.yaml", "-f", "deploy/compose/tls.yaml"}
	t.Cleanup(func() { p.compose(append(everything, "down", "--volumes", "--timeout", "1")...) })
	seen := make(map[string]bool)
	for _, page := range docs.Guides(pages) {
		steps, err := page.Steps()
		require.NoError(t, err)
		for _, step := range steps {
			if step.Runner == docs.Containers {
				p.follow(step, seen)
			}
		}
	}
	for end := range prints {
		require.True(t, seen[end], "no page has a command that ends with %q", end)
	}
}

// follow executes the commands of a page, and notes which of prints it has seen.
func (p project) follow(step docs.Step, seen map[string]bool) {
	p.t.Helper()
	var all strings.Builder
	for _, command := range step.Commands {
		words := strings.Fields(command)
		require.Equal(p.t, []string{"docker", "compose"}, words[:2], "%s: only docker compose is executed here", step.Where())
		out := p.compose(words[2:]...)
		all.WriteString(docs.Plain(out))
		for end, pattern := range prints {
			if strings.HasSuffix(command, end) {
				require.Regexp(p.t, pattern, out, command)
				seen[end] = true
			}
		}
		if strings.HasSuffix(command, "compose run --rm console status") {
			p.shows(`aria-label="1,000 of`) // what is in the vessel
		}
	}
	for _, output := range step.Outputs {
		_, err := docs.Find(all.String(), output.Lines)
		require.NoError(p.t, err, "%s: %s", step.Where(), all.String())
	}
}

// project is one that compose runs beside all others.
type project struct {
	t         *testing.T
	name      string
	port      int
	dashboard int // its port
}

// shows waits until the dashboard shows that.
func (p project) shows(text string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d", p.dashboard))
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		page, err := io.ReadAll(answer.Body)
		return err == nil && strings.Contains(string(page), text)
	}, patience, tick, "the dashboard shows %q", text)
}

// compose runs a command of docker compose, which must succeed, and returns what
// it printed.
func (p project) compose(args ...string) string {
	p.t.Helper()
	out, said, err := p.try(args...)
	if err != nil {
		all, _, _ := p.try("logs", "--tail", "50") // if there are none, so be it
		require.NoError(p.t, err, "docker compose %v: %s%s\n%s", args, out, said, all)
	}
	return out
}

// try runs a command of docker compose, and returns what it printed to stdout and
// to stderr.
func (p project) try(args ...string) (out, said string, err error) {
	cmd := exec.Command("docker", append([]string{"compose"}, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "COMPOSE_PROJECT_NAME="+p.name, "NATS_PORT="+strconv.Itoa(p.port), "DASHBOARD_PORT="+strconv.Itoa(p.dashboard), "VERSION="+tag[1:], "COMPOSE_PROGRESS=plain")
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}

// composes skips the test where Docker has no Compose, unless CI must have it.
func composes(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("docker", "compose", "version").CombinedOutput(); err != nil {
		require.Empty(t, os.Getenv("CI"), "CI must have Docker Compose: %s", out)
		t.Skipf("there is no Docker Compose here: %s", out)
	}
}
