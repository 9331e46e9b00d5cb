package kubernetes_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/credentials"
	"decoupled.example/console/status"
	"decoupled.example/shared/topology"
)

// What the commands of the README must print, by how they end.
var prints = map[string]string{
	"/console send 1000":     `sent 1000 requests`,
	"/console status":        `REQUESTS +1000 +1000 +0 (.|\n)*requestor`,
	"job/drain --timeout=2m": `condition met`,
	"/console verify":        `complete +1000\n(.|\n)*OK: nothing was lost, nothing was done twice`,
}

// The README's commands do what it says, in its order; and what they have made
// outlives everything that clusters do.
func TestReadmeAndFaults(t *testing.T) {
	t.Parallel()
	needsCluster(t)
	s := newSystem(t, credentials.Namespace)
	readme(s)

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

// readme runs the commands of the section that are indented, in their order.
func readme(s *system) {
	s.t.Helper()
	content, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(s.t, err)
	_, section, found := strings.Cut(string(content), "\n## On Kubernetes\n")
	require.True(s.t, found)
	section, _, _ = strings.Cut(section, "\n##") // what takes more than a cluster has a heading of its own
	seen := 0
	for _, match := range regexp.MustCompile(`(?m)^    (.*(?:kubectl) .*)$`).FindAllStringSubmatch(section, -1) {
		command := match[1]
		if strings.Contains(command, "port-forward") || strings.Contains(command, "overlays/") {
			continue // the one does not end; the others are for tests of their own
		}
		out, err := sh(command)
		require.NoError(s.t, err, "%s: %s", command, out)
		for end, pattern := range prints {
			if strings.HasSuffix(command, end) {
				require.Regexp(s.t, pattern, out, command)
				seen++
			}
		}
		if n := regexp.MustCompile(`scale deployment/generator --replicas=(\d)`).FindStringSubmatch(command); n != nil {
			replicas, _ := strconv.Atoi(n[1])
			s.settled(topology.Generator, replicas) // whoever types is slower than that
		}
	}
	require.Equal(s.t, len(prints), seen, "the README has all these commands")
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
