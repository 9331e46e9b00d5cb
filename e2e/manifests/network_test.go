package manifests_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"decoupled.example/console/credentials"
	"decoupled.example/shared/topology"
)

// end is one end of a connection.
type end struct{ namespace, pod string }

func (e end) labels(c *cluster) labels.Set {
	if e.namespace == credentials.Namespace {
		return c.pods()[e.pod].Labels
	}
	return labels.Set{"k8s-app": e.pod}
}

// reaches says whether the policies let one end reach the other.
func (c *cluster) reaches(t *testing.T, from, to end, port int) bool {
	t.Helper()
	return c.lets(t, networking.PolicyTypeEgress, from, to, port) && c.lets(t, networking.PolicyTypeIngress, to, from, port)
}

// lets says whether the policies of a pod let it reach, or be reached by, another:
// without any that is about it, they do.
func (c *cluster) lets(t *testing.T, direction networking.PolicyType, of, other end, port int) bool {
	t.Helper()
	if of.namespace != credentials.Namespace {
		return true
	}
	lets := true
	for _, policy := range c.policies {
		if !selects(t, &policy.Spec.PodSelector, of.labels(c)) || !slices.Contains(policy.Spec.PolicyTypes, direction) {
			continue
		}
		lets = false
		var rules []rule
		for _, r := range policy.Spec.Ingress {
			rules = append(rules, rule{networking.PolicyTypeIngress, r.From, r.Ports})
		}
		for _, r := range policy.Spec.Egress {
			rules = append(rules, rule{networking.PolicyTypeEgress, r.To, r.Ports})
		}
		if slices.ContainsFunc(rules, func(r rule) bool { return r.direction == direction && r.matches(t, c, other, port) }) {
			return true
		}
	}
	return lets
}

type rule struct {
	direction networking.PolicyType
	peers     []networking.NetworkPolicyPeer
	ports     []networking.NetworkPolicyPort
}

func (r rule) matches(t *testing.T, c *cluster, other end, port int) bool {
	t.Helper()
	require.NotEmpty(t, r.peers, "a rule for everyone")
	require.NotEmpty(t, r.ports, "a rule for every port")
	return slices.ContainsFunc(r.ports, func(p networking.NetworkPolicyPort) bool { return p.Port.IntValue() == port }) &&
		slices.ContainsFunc(r.peers, func(p networking.NetworkPolicyPeer) bool {
			require.Nil(t, p.IPBlock)
			namespace := labels.Set{"kubernetes.io/metadata.name": other.namespace}
			if p.NamespaceSelector == nil && other.namespace != credentials.Namespace ||
				p.NamespaceSelector != nil && !selects(t, p.NamespaceSelector, namespace) {
				return false
			}
			return p.PodSelector == nil || selects(t, p.PodSelector, other.labels(c))
		})
}

func selects(t *testing.T, selector *meta.LabelSelector, set labels.Set) bool {
	t.Helper()
	s, err := meta.LabelSelectorAsSelector(selector)
	require.NoError(t, err)
	return s.Matches(set)
}

// Everyone reaches the broker and the name server, and nothing else.
func TestNobodyReachesWhatTheyDoNotNeed(t *testing.T) {
	t.Parallel()
	const client, monitor, nodes, dns = 4222, 8222, 6222, 53
	ours := func(pod string) end { return end{credentials.Namespace, pod} }
	broker, names, keda := ours("nats"), end{"kube-system", "kube-dns"}, end{"keda", "keda-operator"}
	stranger, internet := end{"default", "stranger"}, end{"internet", ""}
	for _, dir := range all {
		c := build(t, dir)
		for pod := range c.pods() {
			require.True(t, c.reaches(t, ours(pod), names, dns), "%s asks for names", pod)
			require.False(t, c.reaches(t, ours(pod), internet, 443), "%s reaches the internet", pod)
			require.False(t, c.reaches(t, ours(pod), stranger, 80), "%s reaches a stranger", pod)
			require.Equal(t, pod != "nats", c.reaches(t, ours(pod), broker, client), "%s reaches the broker", pod)
			require.False(t, c.reaches(t, ours(pod), broker, monitor), "%s reaches the broker's monitoring", pod)
			require.Equal(t, pod == "nats" && dir == ha, c.reaches(t, ours(pod), broker, nodes), "%s reaches nodes as one", pod)
			for _, other := range slices.Collect(maps.Keys(c.pods())) {
				for _, port := range []int{8080, 8081} {
					require.False(t, c.reaches(t, ours(pod), ours(other), port), "%s reaches %s at %d", pod, other, port)
					require.False(t, c.reaches(t, stranger, ours(other), port), "a stranger reaches %s at %d", other, port)
				}
			}
		}
		require.False(t, c.reaches(t, stranger, broker, client))
		require.Equal(t, dir == autoscale, c.reaches(t, keda, broker, monitor), "KEDA reaches the broker's monitoring")
		require.False(t, c.reaches(t, keda, ours(topology.Generator), 8081))
	}
}
