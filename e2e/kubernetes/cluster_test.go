package kubernetes_test

import (
	"crypto/rand"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"

	"decoupled.example/console/credentials"
	"decoupled.example/console/status"
	"decoupled.example/console/verify"
)

const (
	root = "../.." // of the project
	// patience bounds every wait. No test waits for it unless it fails.
	patience = 4 * time.Minute
	tick     = 250 * time.Millisecond
)

// needsCluster skips the test where nobody has named a cluster for it. One that
// was named must be there.
func needsCluster(t *testing.T) {
	t.Helper()
	if os.Getenv(consent) == "" {
		t.Skipf("there is no cluster to test on: %s must name a context of kubectl", consent)
	}
	out, err := exec.Command("kubectl", "version").CombinedOutput()
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
		// Nothing there is used again, so nothing needs to end in order: what would
		// replace its pods is taken away, then they are.
		_, _ = s.try("delete", "statefulset,deployment,replicaset", "--all", "--cascade=orphan")
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
	secrets, err := credentials.New()
	require.NoError(t, err)
	manifest, err := secrets.Manifest(s.namespace)
	require.NoError(t, err)
	s.apply(manifest)
	s.kubectl("apply", "--kustomize", changed(t, overlay, "namespace: "+s.namespace))
	s.settled("dashboard", 1)
	return s
}

// changed is a kustomization of the project's, which it leaves where it is, with
// changes to it. It is the folder to be applied.
func changed(t *testing.T, of, changes string) (dir string) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	of, err = filepath.Abs(filepath.Join(root, "deploy", "kubernetes", of))
	require.NoError(t, err)
	of, err = filepath.EvalSymlinks(of)
	require.NoError(t, err)
	of, err = filepath.Rel(dir, of) // kustomize takes no other
	require.NoError(t, err)
	text := "resources: [" + filepath.ToSlash(of) + "]\n" + changes + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600))
	return dir
}

// apply applies a manifest.
func (s *system) apply(manifest string) {
	s.t.Helper()
	cmd := exec.Command("kubectl", "apply", "--filename", "-")
	cmd.Stdin = strings.NewReader(manifest)
	out, err := cmd.CombinedOutput()
	require.NoError(s.t, err, "%s", out)
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
	var list core.PodList
	out := s.kubectl("get", "pods", "--selector", "app.kubernetes.io/name="+name, "--output", "json")
	require.NoError(s.t, json.Unmarshal([]byte(out), &list))
	for _, item := range list.Items {
		p := pod{name: item.Name}
		for _, c := range item.Status.ContainerStatuses {
			p.ready = c.Ready && item.DeletionTimestamp == nil
			p.restarts += int(c.RestartCount)
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
	require.Zero(s.t, v.DeadLetters, "%+v", v)
	require.Equal(s.t, v.Asked, v.Complete, "%+v", v)
	require.Equal(s.t, v.Asked, v.Received, "%+v", v)
	return int(v.Asked)
}
