package kubernetes_test

import (
	"encoding/json"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/credentials"
	"decoupled.example/console/status"
	"decoupled.example/e2e/docs"
	"decoupled.example/shared/topology"
)

// prints is what commands of the pages must print, by how they end, beyond what the
// pages show: the exact numbers.
var prints = map[string]string{
	"/console send 1000":     `sent 1000 requests`,
	"/console status":        `REQUESTS +1000 +1000 +0 (.|\n)*requestor`,
	"job/drain --timeout=2m": `condition met`,
	"/console verify":        `complete +1000\n(.|\n)*OK: nothing was lost, nothing was done twice`,
}

// The commands for clusters in the README and in docs print what the pages show, and
// what they have made outlives everything that clusters do.
func TestPagesAndFaults(t *testing.T) {
	t.Parallel()
	needsCluster(t)
	s := newSystem(t, credentials.Namespace)
	s.followPages()

	const load = 200 // a second
	s.kubectl("scale", "deployment/generator", "--replicas=3")
	s.kubectl("set", "env", "deployment/requestor", "RATE="+strconv.Itoa(load))
	for _, name := range []string{topology.Requestor, topology.Generator, "dashboard"} {
		s.flows(load)
		s.kubectl("rollout", "restart", "deployment/"+name)
		s.kubectl("rollout", "status", "deployment/"+name, "--timeout=4m")
	}
	s.flows(load)

	s.settled(topology.Requestor, 1)
	s.settled(topology.Generator, 3)
	s.kubectl("delete", "pod", "nats-0")
	s.settled("nats", 1)
	s.flows(load)
	s.outage()
	s.flows(load)

	s.kubectl("set", "env", "deployment/requestor", "RATE=0")
	s.kubectl("rollout", "status", "deployment/requestor", "--timeout=4m")
	s.settled(topology.Requestor, 1)
	require.Greater(t, s.proven(), 1000+4*load)

	s.appliedAgain()
}

// appliedAgain applies all again: with other images; with another setting of what
// is there, which is changed; and with new Secrets, which are refused.
func (s *system) appliedAgain() {
	s.t.Helper()
	images := "images:\n"
	for _, image := range []string{topology.Requestor, topology.Generator, "console"} {
		images += "  - { name: decoupled/" + image + ", newTag: next }\n"
	}
	s.kubectl("apply", "--dry-run=server", "--kustomize", changed(s.t, "", images))

	s.kubectl("apply", "--kustomize", changed(s.t, "", `patches:
  - patch: |
      apiVersion: apps/v1
      kind: Deployment
      metadata: { name: dashboard, namespace: decoupled }
      spec:
        template:
          spec:
            initContainers: [{ name: setup, env: &keep [{ name: KEEP, value: 48h }] }]
            containers: [{ name: dashboard, env: *keep }]
`))
	s.kubectl("rollout", "status", "deployment/dashboard", "--timeout=4m")
	s.settled("dashboard", 1)
	require.Contains(s.t, s.kubectl("logs", "deployment/dashboard", "--container", "setup"), "changed: KV_asked")
	require.NotContains(s.t, s.console("setup"), "made", "it finds everything as its own settings have it")

	out, err := sh("go run ./console credentials --kubernetes | kubectl apply -f -")
	require.Error(s.t, err, "new passwords that the broker does not know")
	require.Contains(s.t, out, "immutable")
}

// followPages executes the commands for clusters of all pages, in their order.
func (s *system) followPages() {
	s.t.Helper()
	pages, err := docs.All(root)
	require.NoError(s.t, err)
	seen := make(map[string]bool)
	for _, page := range docs.Guides(pages) {
		steps, err := page.Steps()
		require.NoError(s.t, err)
		for _, step := range steps {
			if step.Runner == docs.Kubernetes {
				s.follow(step, seen)
			}
		}
	}
	for end := range prints {
		require.True(s.t, seen[end], "no page has a command that ends with %q", end)
	}
}

// follow executes the commands of a page, and notes which of prints it has seen.
func (s *system) follow(step docs.Step, seen map[string]bool) {
	s.t.Helper()
	var all strings.Builder
	for _, command := range step.Commands {
		out, err := sh(command)
		require.NoError(s.t, err, "%s: %s: %s", step.Where(), command, out)
		all.WriteString(docs.Plain(out))
		for end, pattern := range prints {
			if strings.HasSuffix(command, end) {
				require.Regexp(s.t, pattern, out, command)
				seen[end] = true
			}
		}
		if n := regexp.MustCompile(`scale deployment/generator --replicas=(\d)`).FindStringSubmatch(command); n != nil {
			replicas, _ := strconv.Atoi(n[1])
			s.settled(topology.Generator, replicas) // a person types slower than that
		}
	}
	for _, output := range step.Outputs {
		_, err := docs.Find(all.String(), output.Lines)
		require.NoError(s.t, err, "%s: %s", step.Where(), all.String())
	}
}

// sh runs a command in the project's folder.
func sh(command string) (string, error) {
	cmd := exec.Command("bash", "-c", "set -o pipefail; "+command)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// flows waits until n more requests are complete: whatever happened, work goes on.
func (s *system) flows(n uint64) {
	s.t.Helper()
	var first, now uint64
	s.eventually(func() bool {
		// It may fail: the dashboard, too, is restarted, and the broker goes.
		out, err := s.try("exec", "deployment/dashboard", "--container", "dashboard", "--", "/console", "status", "--json")
		var read status.Status
		if err != nil || json.Unmarshal([]byte(out), &read) != nil {
			return false
		}
		now = read.Ledgers[topology.Received]
		if first == 0 {
			first = now
		}
		return now >= first+n
	}, "%d more are complete", n)
}
