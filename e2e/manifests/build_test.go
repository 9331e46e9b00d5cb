package manifests_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	disruption "k8s.io/api/policy/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"decoupled.example/console/credentials"
)

const deploy = "../../deploy/kubernetes"

// What can be applied.
const (
	base        = deploy
	ha          = deploy + "/overlays/ha"
	autoscale   = deploy + "/overlays/autoscale"
	haAutoscale = deploy + "/overlays/ha-autoscale"
)

var (
	all      = []string{base, ha, autoscale, haAutoscale}
	three    = []string{ha, haAutoscale} // nodes
	scalable = []string{autoscale, haAutoscale}
)

// cluster is what a kustomization makes, by name, with the Secrets beside it.
type cluster struct {
	namespaces   map[string]core.Namespace
	secrets      map[string]core.Secret
	accounts     map[string]core.ServiceAccount
	services     map[string]core.Service
	configs      map[string]core.ConfigMap
	deployments  map[string]apps.Deployment
	statefulSets map[string]apps.StatefulSet
	cronJobs     map[string]batch.CronJob
	policies     map[string]networking.NetworkPolicy
	budgets      map[string]disruption.PodDisruptionBudget
	scaled       map[string]scaledObject
}

// build builds a kustomization as kubectl does. Every object must be of a known
// kind, with no field that its type does not have, and in the namespace.
func build(t *testing.T, dir string) *cluster {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	require.NoError(t, err)
	c := &cluster{}
	for _, resource := range built.Resources() {
		require.Equal(t, credentials.Namespace, resource.GetNamespace(), "%s %s", resource.GetKind(), resource.GetName())
		text, err := resource.AsYAML()
		require.NoError(t, err)
		c.add(t, resource.GetKind(), resource.GetName(), text)
	}
	secrets, err := credentials.New()
	require.NoError(t, err)
	text, err := secrets.Manifest(credentials.Namespace)
	require.NoError(t, err)
	for _, document := range documents(text) {
		var head struct {
			Kind     string
			Metadata struct{ Name string }
		}
		require.NoError(t, yaml.Unmarshal([]byte(document), &head))
		c.add(t, head.Kind, head.Metadata.Name, []byte(document))
	}
	return c
}

// add decodes an object into its type, and fails at a field that it does not have.
func (c *cluster) add(t *testing.T, kind, name string, text []byte) {
	t.Helper()
	switch kind {
	case "Namespace":
		decode(t, name, text, &c.namespaces)
	case "Secret":
		decode(t, name, text, &c.secrets)
	case "ServiceAccount":
		decode(t, name, text, &c.accounts)
	case "Service":
		decode(t, name, text, &c.services)
	case "ConfigMap":
		decode(t, name, text, &c.configs)
	case "Deployment":
		decode(t, name, text, &c.deployments)
	case "StatefulSet":
		decode(t, name, text, &c.statefulSets)
	case "CronJob":
		decode(t, name, text, &c.cronJobs)
	case "NetworkPolicy":
		decode(t, name, text, &c.policies)
	case "PodDisruptionBudget":
		decode(t, name, text, &c.budgets)
	case "ScaledObject":
		decode(t, name, text, &c.scaled)
	default:
		require.Fail(t, "nobody checks objects of this kind", "%s %s", kind, name)
	}
}

func decode[T any](t *testing.T, name string, text []byte, into *map[string]T) {
	t.Helper()
	// As the cluster reads it: a field in other letters is none.
	asJSON, err := yaml.YAMLToJSONStrict(text)
	require.NoError(t, err, "%s:\n%s", name, text)
	var object T
	strict, err := json.UnmarshalStrict(asJSON, &object)
	require.NoError(t, errors.Join(append(strict, err)...), "%s:\n%s", name, text)
	if *into == nil {
		*into = make(map[string]T)
	}
	require.NotContains(t, *into, name)
	(*into)[name] = object
}

func TestEverythingBuilds(t *testing.T) {
	t.Parallel()
	for _, dir := range all {
		c := build(t, dir)
		require.Len(t, c.deployments, 3, dir)
		require.Len(t, c.statefulSets, 1, dir)
	}
}
