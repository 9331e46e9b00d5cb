package manifests_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
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

// door is a port at the other end.
type door struct {
	protocol core.Protocol
	port     int
}

// is says whether a rule means this door. Where it says nothing else it means TCP.
func (d door) is(p networking.NetworkPolicyPort) bool {
	protocol := core.ProtocolTCP
	if p.Protocol != nil {
		protocol = *p.Protocol
	}
	return protocol == d.protocol && p.EndPort == nil && p.Port.IntValue() == d.port
}

// reaches says whether the policies let one end reach the other.
func (c *cluster) reaches(t *testing.T, from, to end, at door) bool {
	t.Helper()
	return c.lets(t, networking.PolicyTypeEgress, from, to, at) && c.lets(t, networking.PolicyTypeIngress, to, from, at)
}

// lets says whether the policies of a pod let it reach, or be reached by, another:
// without any that is about it, they do.
func (c *cluster) lets(t *testing.T, direction networking.PolicyType, of, other end, at door) bool {
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
		if slices.ContainsFunc(rules, func(r rule) bool { return r.direction == direction && r.matches(t, c, other, at) }) {
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

func (r rule) matches(t *testing.T, c *cluster, other end, at door) bool {
	t.Helper()
	require.NotEmpty(t, r.peers, "a rule for everyone")
	require.NotEmpty(t, r.ports, "a rule for every port")
	return slices.ContainsFunc(r.ports, at.is) &&
		slices.ContainsFunc(r.peers, func(p networking.NetworkPolicyPeer) bool {
			if p.IPBlock != nil {
				require.Empty(t, p.IPBlock.Except)
				return p.IPBlock.CIDR == other.pod+"/32"
			}
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

// Clients reach the broker, and everyone the name server, and nothing else.
func TestNetworkPolicies_AllowOnlyWhatIsNeeded(t *testing.T) {
	t.Parallel()
	tcp := func(port int) door { return door{core.ProtocolTCP, port} }
	udp := func(port int) door { return door{core.ProtocolUDP, port} }
	const client, monitor, nodes, dns = 4222, 8222, 6222, 53
	ours := func(pod string) end { return end{credentials.Namespace, pod} }
	broker, names, keda := ours("nats"), end{"kube-system", "kube-dns"}, end{"keda", "keda-operator"}
	stranger, internet := end{"default", "stranger"}, end{"internet", ""}
	cache := end{"node", "169.254.20.10"} // of names, where there is one on each node
	for _, dir := range all {
		c := build(t, dir)
		for pod := range c.pods() {
			require.True(t, c.reaches(t, ours(pod), names, udp(dns)), "%s asks for names", pod)
			require.True(t, c.reaches(t, ours(pod), names, tcp(dns)), "%s asks for names with long answers", pod)
			require.True(t, c.reaches(t, ours(pod), cache, udp(dns)), "%s asks its node for names", pod)
			require.False(t, c.reaches(t, ours(pod), cache, tcp(80)), "%s reaches more of its node", pod)
			require.False(t, c.reaches(t, ours(pod), stranger, udp(dns)), "%s asks somebody else", pod)
			require.False(t, c.reaches(t, ours(pod), internet, tcp(443)), "%s reaches the internet", pod)
			require.False(t, c.reaches(t, ours(pod), stranger, tcp(80)), "%s reaches a stranger", pod)
			require.Equal(t, pod != "nats", c.reaches(t, ours(pod), broker, tcp(client)), "%s reaches the broker", pod)
			require.False(t, c.reaches(t, ours(pod), broker, tcp(monitor)), "%s reaches the broker's monitoring", pod)
			require.Equal(t, pod == "nats" && slices.Contains(three, dir), c.reaches(t, ours(pod), broker, tcp(nodes)), "%s reaches nodes as one", pod)
			for _, port := range []int{client, monitor, nodes} {
				require.False(t, c.reaches(t, ours(pod), broker, udp(port)), "%s reaches the broker by UDP", pod)
			}
			for _, other := range slices.Collect(maps.Keys(c.pods())) {
				for _, port := range []int{8080, 8081} {
					require.False(t, c.reaches(t, ours(pod), ours(other), tcp(port)), "%s reaches %s at %d", pod, other, port)
					require.False(t, c.reaches(t, stranger, ours(other), tcp(port)), "a stranger reaches %s at %d", other, port)
				}
			}
		}
		require.False(t, c.reaches(t, stranger, broker, tcp(client)))
		require.Equal(t, slices.Contains(scalable, dir), c.reaches(t, keda, broker, tcp(monitor)), "KEDA reaches the broker's monitoring")
		require.False(t, c.reaches(t, keda, ours(topology.Generator), tcp(8081)))
	}
}
