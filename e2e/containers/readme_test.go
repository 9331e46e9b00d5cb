package containers_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the commands of the README must print, by how they end.
var prints = map[string]string{
	"compose run --rm console send 1000":   `sent 1000 requests`,
	"compose run --rm console status":      `REQUESTS +1000 +1000 +0 (.|\n)*requestor`,
	"compose run --rm console drain":       `drained after .*; dead letters: 0`,
	"compose run --rm console verify":      `complete +1000\n(.|\n)*OK: nothing was lost, nothing was done twice`,
	"cluster.yaml run --rm console status": `REQUESTS (.|\n)*leader nats(-2|-3)? of 3(.|\n)*HOST *(\n(generator|requestor) .*){3}`,
	"tls.yaml run --rm console status":     `REQUESTS +0 (.|\n)*HOST *(\n(generator|requestor) .*){3}`,
}

// The README's commands do what it says, in its order.
func TestReadme(t *testing.T) {
	t.Parallel()
	long(t)
	docker(t)
	composes(t)
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	commands := regexp.MustCompile(`(?m)^    (docker compose .*)$`).FindAllStringSubmatch(string(readme), -1)
	require.NotEmpty(t, commands)

	p := project{t: t, name: fmt.Sprintf("decoupled-test-%d", os.Getpid()), port: freePort(t), dashboard: freePort(t)}
	everything := []string{"-f", "docker-compose.yml", "-f", "deploy/compose/cluster.yaml", "-f", "deploy/compose/tls.yaml"}
	t.Cleanup(func() { p.compose(append(everything, "down", "--volumes", "--timeout", "1")...) })
	seen := make(map[string]bool)
	for _, command := range commands {
		out := p.compose(strings.Fields(command[1])[2:]...)
		for end, pattern := range prints {
			if strings.HasSuffix(command[1], end) {
				require.Regexp(t, pattern, out, command[1])
				seen[end] = true
			}
		}
		if strings.HasSuffix(command[1], "compose run --rm console status") {
			p.shows(`aria-label="1,000 of`) // what is in the vessel
		}
	}
	for end := range prints {
		require.True(t, seen[end], "the README has no command that ends with %q", end)
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
