package kubernetes_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/credentials"
	"decoupled.example/console/status"
	"decoupled.example/console/verify"
)

const (
	root = "../.." // of the project
	// consent names the environment variable that names the cluster.
	consent = "DECOUPLED_E2E_CONTEXT"
	// patience bounds every wait. No test waits for it unless it fails.
	patience = 4 * time.Minute
	tick     = 250 * time.Millisecond
)

// needsCluster skips the test where nobody has named a cluster for it. One that
// was named must be there.
func needsCluster(t *testing.T) {
	t.Helper()
	name := os.Getenv(consent)
	if name == "" {
		t.Skipf("there is no cluster to test on: %s must name kubectl's current context", consent)
	}
	out, err := exec.Command("kubectl", "config", "current-context").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, name, strings.TrimSpace(string(out)), "the current context of kubectl is the one that %s names", consent)
	out, err = exec.Command("kubectl", "version").CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// system is what is deployed in one namespace.
type system struct {
	t         *testing.T
	namespace string
}

// newSystem removes the namespace in the end, and shows what was in it if the test
// failed.
func newSystem(t *testing.T, namespace string) *system {
	t.Helper()
	s := &system{t: t, namespace: namespace}
	out, err := s.try("get", "namespace", namespace, "--ignore-not-found", "--output=name")
	require.NoError(t, err, out)
	require.Empty(t, out, "somebody uses this namespace; the test would remove it")
	t.Cleanup(func() {
		if t.Failed() {
			for _, args := range [][]string{
				{"get", "all"}, {"get", "events", "--sort-by=.lastTimestamp"},
				{"logs", "--all-containers", "--prefix", "--tail=40", "--selector=app.kubernetes.io/part-of=decoupled", "--max-log-requests=20"},
			} {
				out, _ := s.try(args...) // what there is of it is shown
				t.Log(out)
			}
		}
		// Nothing there is used again, so nothing needs to end in order.
		_, _ = s.try("delete", "statefulset,deployment", "--all", "--cascade=orphan")
		_, _ = s.try("delete", "pods", "--all", "--grace-period=1", "--wait=false")
		out, err := s.try("delete", "namespace", namespace, "--ignore-not-found")
		require.NoError(t, err, out)
	})
	return s
}

// deploy deploys an overlay in a namespace of its own.
func deploy(t *testing.T, overlay string) *system {
	t.Helper()
	s := newSystem(t, "decoupled-e2e-"+strings.ToLower(rand.Text()[:8]))
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "deploy"), os.DirFS(filepath.Join(root, "deploy"))))
	own := filepath.Join(dir, "own")
	require.NoError(t, os.Mkdir(own, 0o755))
	kustomization := fmt.Sprintf("namespace: %s\nresources: [../deploy/kubernetes/%s]\n", s.namespace, overlay)
	require.NoError(t, os.WriteFile(filepath.Join(own, "kustomization.yaml"), []byte(kustomization), 0o600))

	secrets, err := credentials.New()
	require.NoError(t, err)
	manifest, err := secrets.Manifest(s.namespace)
	require.NoError(t, err)
	cmd := exec.Command("kubectl", "apply", "--filename", "-")
	cmd.Stdin = strings.NewReader(manifest)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	s.kubectl("apply", "--kustomize", own)
	s.settled("dashboard", 1)
	return s
}

// kubectl runs a command, which must succeed, and returns what it printed.
func (s *system) kubectl(args ...string) string {
	s.t.Helper()
	out, err := s.try(args...)
	require.NoError(s.t, err, "kubectl %s: %s", strings.Join(args, " "), out)
	return out
}

func (s *system) try(args ...string) (string, error) {
	cmd := exec.Command("kubectl", append([]string{"--namespace", s.namespace}, args...)...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return said.String() + string(out), err
	}
	return string(out), nil
}

// console runs a command of the console in the cluster.
func (s *system) console(args ...string) string {
	s.t.Helper()
	return s.kubectl(append([]string{"exec", "deployment/dashboard", "--container", "dashboard", "--", "/console"}, args...)...)
}

func (s *system) status() (now status.Status) {
	s.t.Helper()
	require.NoError(s.t, json.Unmarshal([]byte(s.console("status", "--json")), &now))
	return now
}

// eventually waits for a condition.
func (s *system) eventually(condition func() bool, what string, args ...any) {
	s.t.Helper()
	require.Eventually(s.t, condition, patience, tick, append([]any{what}, args...)...)
}

// settled waits until there are exactly so many pods, and all are ready.
func (s *system) settled(name string, replicas int) {
	s.t.Helper()
	s.eventually(func() bool {
		pods := s.pods(name)
		for _, p := range pods {
			if !p.ready {
				return false
			}
		}
		return len(pods) == replicas
	}, "%s has %d ready pods", name, replicas)
}

type pod struct {
	name     string
	ready    bool
	restarts int
}

func (s *system) pods(name string) (pods []pod) {
	s.t.Helper()
	var list struct {
		Items []struct {
			Metadata struct {
				Name              string
				DeletionTimestamp *time.Time
			}
			Status struct {
				ContainerStatuses []struct {
					Ready        bool
					RestartCount int
				}
			}
		}
	}
	out := s.kubectl("get", "pods", "--selector", "app.kubernetes.io/name="+name, "--output", "json")
	require.NoError(s.t, json.Unmarshal([]byte(out), &list))
	for _, item := range list.Items {
		p := pod{name: item.Metadata.Name}
		for _, c := range item.Status.ContainerStatuses {
			p.ready = c.Ready && item.Metadata.DeletionTimestamp == nil
			p.restarts += c.RestartCount
		}
		pods = append(pods, p)
	}
	return pods
}

// drained runs the drain Job, which must succeed.
func (s *system) drained() {
	s.t.Helper()
	name := "drain-" + strings.ToLower(rand.Text()[:8])
	s.kubectl("create", "job", name, "--from=cronjob/drain")
	out, err := s.try("wait", "--for=condition=complete", "job/"+name, "--timeout=3m")
	if err != nil {
		logs, _ := s.try("logs", "job/"+name)
		require.NoError(s.t, err, "%s%s", out, logs)
	}
}

// proven requires that everything asked is complete, and nothing lost, done twice
// or left. It returns how many there are.
func (s *system) proven() int {
	s.t.Helper()
	s.drained()
	var v verify.Verdict
	require.NoError(s.t, json.Unmarshal([]byte(s.console("verify", "--json")), &v))
	require.True(s.t, v.Finished(), "%+v", v)
	require.Zero(s.t, v.Letters, "%+v", v)
	require.Equal(s.t, v.Asked, v.Complete, "%+v", v)
	require.Equal(s.t, v.Asked, v.Received, "%+v", v)
	return int(v.Asked)
}
