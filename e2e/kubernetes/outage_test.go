package kubernetes_test

import (
	"encoding/json"

	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"decoupled.example/shared/topology"
)

// outage takes the broker away and gives it back. The services are unready
// meanwhile, and nobody is restarted.
//
// How long that must be is for a witness to tell: a generator that is called alive
// only while it has a broker. It was restarted once when three probes had failed,
// and twice when anybody like it would have been.
func (s *system) outage() {
	s.t.Helper()
	const witness = "witness"
	s.copied(topology.Generator, witness, func(d *apps.Deployment) {
		d.Spec.Template.Spec.Containers[0].LivenessProbe.HTTPGet.Path = "/readyz"
	})
	s.settled(witness, 1)

	s.kubectl("scale", "statefulset/nats", "--replicas=0")
	s.eventually(func() bool {
		pods := s.pods(witness)
		return len(pods) == 1 && pods[0].restarts >= 2
	}, "the broker is away for long enough")
	for _, name := range []string{topology.Requestor, topology.Generator} {
		for _, p := range s.pods(name) {
			require.False(s.t, p.ready, p.name)
		}
	}

	s.kubectl("scale", "statefulset/nats", "--replicas=1")
	s.settled("nats", 1)
	for name, replicas := range map[string]int{topology.Requestor: 1, topology.Generator: 3, "dashboard": 1} {
		s.settled(name, replicas)
		for _, p := range s.pods(name) {
			require.Zero(s.t, p.restarts, "an outage of the broker restarts nobody: %s", p.name)
		}
	}
	s.kubectl("delete", "deployment", witness)
	s.settled(witness, 0)
}

// copied makes a copy of a Deployment under another name, with one replica and
// something changed.
func (s *system) copied(name, as string, change func(d *apps.Deployment)) {
	s.t.Helper()
	var d apps.Deployment
	require.NoError(s.t, json.Unmarshal([]byte(s.kubectl("get", "deployment", name, "--output", "json")), &d))
	d.ObjectMeta = meta.ObjectMeta{Name: as, Namespace: s.namespace}
	d.Status = apps.DeploymentStatus{}
	one := int32(1)
	d.Spec.Replicas = &one
	d.Spec.Selector.MatchLabels["app.kubernetes.io/name"] = as
	d.Spec.Template.Labels["app.kubernetes.io/name"] = as
	change(&d)
	manifest, err := json.Marshal(d)
	require.NoError(s.t, err)
	s.apply(string(manifest))
}
