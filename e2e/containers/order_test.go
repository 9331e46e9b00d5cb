package containers_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// unordered takes away who waits for whom; the credentials come when they are
// asked for.
const unordered = `
services:
  nats: { depends_on: !reset {} }
  setup: { depends_on: !reset {} }
  requestor: { depends_on: !reset {} }
  generator: { depends_on: !reset {} }
  credentials: { profiles: [later] }
`

// The order in which compose starts things is for convenience: without it
// everything waits for what it needs, and comes up.
func TestEverythingComesUpInAnyOrder(t *testing.T) {
	t.Parallel()
	docker(t)
	composes(t)
	file := filepath.Join(t.TempDir(), "unordered.yaml")
	require.NoError(t, os.WriteFile(file, []byte(unordered), 0o600))
	p := project{t: t, name: fmt.Sprintf("decoupled-test-order-%d", os.Getpid()), port: freePort(t), dashboard: freePort(t)}
	compose := func(args ...string) string {
		return p.compose(append([]string{"-f", "docker-compose.yml", "-f", file, "--profile", "later"}, args...)...)
	}
	t.Cleanup(func() { compose("down", "--volumes", "--timeout", "1") })

	compose("up", "-d", "requestor", "generator", "setup", "nats")
	require.Eventually(t, func() bool {
		return strings.Contains(compose("logs", "nats"), "secrets/users.conf: no such file or directory")
	}, patience, tick, "the broker says what is missing")
	compose("up", "-d", "credentials")
	require.Eventually(t, func() bool {
		return strings.Count(compose("ps", "requestor", "generator"), "(healthy)") == 3
	}, patience, tick, "the services are ready")
	compose("run", "--rm", "--no-deps", "console", "send", "10")
	require.Contains(t, compose("run", "--rm", "--no-deps", "console", "drain"), "drained")
}
