package kubernetes_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/topology"
)

// Three nodes: any of them goes under load, and of two that shall go the second
// must wait.
func TestHighAvailability(t *testing.T) {
	t.Parallel()
	needsCluster(t)
	s := deploy(t, "overlays/ha")
	s.settled("nats", 3)
	s.settled(topology.Requestor, 2)
	for _, q := range s.status().Queues {
		require.Equal(t, 3, q.Replicas, q.Queue)
	}

	const load = 100 // a second and requestor
	s.kubectl("set", "env", "deployment/requestor", "RATE=100")
	s.flows(load)
	for _, q := range s.status().Queues {
		s.kubectl("delete", "pod", q.Leader)
		s.flows(load)
		s.settled("nats", 3)
	}

	// The first of two evictions at once is granted, once the cluster has noticed
	// that all nodes are back.
	require.Eventually(t, func() bool { return s.evict("nats-0") == nil }, patience, tick, "nats-0 cannot be evicted")
	require.ErrorContains(t, s.evict("nats-1"), "disruption budget")
	s.settled("nats", 3)
	s.flows(load)

	s.kubectl("set", "env", "deployment/requestor", "RATE=0")
	s.kubectl("rollout", "status", "deployment/requestor", "--timeout=4m")
	s.settled(topology.Requestor, 2)
	require.Greater(t, s.proven(), 4*load)
}

// evict asks for a pod to go, as whoever empties a machine does.
func (s *system) evict(pod string) error {
	s.t.Helper()
	cmd := exec.Command("kubectl", "create", "--raw", "/api/v1/namespaces/"+s.namespace+"/pods/"+pod+"/eviction", "--filename", "-")
	cmd.Stdin = strings.NewReader(`{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"` + pod + `"}}`)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}
