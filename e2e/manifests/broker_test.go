package manifests_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"

	"decoupled.example/console/credentials"
	"decoupled.example/shared/topology"
)

// configuration is what the broker of a kustomization reads from what its pod
// mounts.
func configuration(t *testing.T, c *cluster) (*server.Options, apps.StatefulSet) {
	t.Helper()
	set := c.statefulSets["nats"]
	container := set.Spec.Template.Spec.Containers[0]
	root := t.TempDir()
	for _, volume := range set.Spec.Template.Spec.Volumes {
		i := slices.IndexFunc(container.VolumeMounts, func(m core.VolumeMount) bool { return m.Name == volume.Name })
		require.GreaterOrEqual(t, i, 0, volume.Name)
		var files map[string]string
		if volume.Secret != nil {
			files = c.secrets[volume.Secret.SecretName].StringData
		} else {
			files = c.configs[volume.ConfigMap.Name].Data
		}
		dir := filepath.Join(root, container.VolumeMounts[i].MountPath)
		require.NoError(t, os.MkdirAll(dir, 0o755))
		for name, content := range files {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
		}
	}
	require.Equal(t, []string{"nats-server"}, container.Command)
	require.Equal(t, "-c", container.Args[0])
	options, err := server.ProcessConfigFile(filepath.Join(root, container.Args[1]))
	require.NoError(t, err)
	return options, set
}

func port(t *testing.T, container core.Container, name string) int {
	t.Helper()
	i := slices.IndexFunc(container.Ports, func(p core.ContainerPort) bool { return p.Name == name })
	require.GreaterOrEqual(t, i, 0, name)
	return int(container.Ports[i].ContainerPort)
}

// The pod is as its configuration needs it: ports, folders, sizes, times.
func TestTheBrokerAndItsPodAgree(t *testing.T) {
	t.Setenv("SERVER_NAME", "nats-0") // what the pod gives a node of several
	for _, dir := range all {
		c := build(t, dir)
		options, set := configuration(t, c)
		pod := set.Spec.Template.Spec
		container := pod.Containers[0]

		require.Equal(t, "nats:"+server.VERSION+"-alpine", container.Image, "the server that the tests use")
		require.Equal(t, options.Port, port(t, container, "client"))
		require.Equal(t, options.HTTPPort, port(t, container, "monitor"))
		require.Equal(t, "0.0.0.0", options.HTTPHost, "the probes come from outside of the pod")
		// Each asks for less than the one before: a broker whose streams have no leader is no reason to send clients
		// away, and one that is busy is no reason to end it.
		for path, probe := range map[string]*core.Probe{
			"/healthz":                      container.StartupProbe,
			"/healthz?js-server-only=true":  container.ReadinessProbe,
			"/healthz?js-enabled-only=true": container.LivenessProbe,
		} {
			require.Equal(t, "monitor", probe.HTTPGet.Port.StrVal)
			require.Equal(t, path, probe.HTTPGet.Path)
		}

		require.Len(t, set.Spec.VolumeClaimTemplates, 1)
		claim := set.Spec.VolumeClaimTemplates[0]
		i := slices.IndexFunc(container.VolumeMounts, func(m core.VolumeMount) bool { return m.Name == claim.Name })
		require.GreaterOrEqual(t, i, 0)
		require.Equal(t, container.VolumeMounts[i].MountPath, options.StoreDir)
		require.Greater(t, claim.Spec.Resources.Requests.Storage().Value(), options.JetStreamMaxStore)

		require.Equal(t, []string{"nats-server", "--signal", "ldm=1"}, container.Lifecycle.PreStop.Exec.Command)
		grace := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second
		require.GreaterOrEqual(t, grace, options.LameDuckDuration+10*time.Second, "a lame duck ends by itself")
		require.Less(t, options.LameDuckGracePeriod, options.LameDuckDuration)
	}
}

// The streams are made as the broker is: synced as it syncs, of as many replicas
// as it has nodes; all fit, and the ledgers forget.
func TestTheBrokerAndItsSetupAgree(t *testing.T) {
	t.Setenv("SERVER_NAME", "nats-0")
	for _, dir := range all {
		c := build(t, dir)
		options, set := configuration(t, c)
		pod := c.deployments["dashboard"].Spec.Template.Spec
		setup := pod.InitContainers[0]
		require.Equal(t, []string{"setup", "--update"}, setup.Args[:2], "a setting that is changed here is changed there")
		require.Equal(t, setup.Env, pod.Containers[0].Env, "setup by hand means the same")
		variables := environment(t, setup)
		require.Equal(t, itoa(*set.Spec.Replicas), variables["REPLICAS"])
		require.True(t, options.SyncAlways)
		require.Equal(t, "true", variables["SYNC_ALWAYS"])
		require.Equal(t, "24h", variables["KEEP"])

		maxBytes, err := strconv.ParseInt(variables["MAX_BYTES"], 10, 64)
		require.NoError(t, err)
		streams, err := topology.Streams(topology.Settings{Replicas: int(*set.Spec.Replicas), MaxBytes: maxBytes})
		require.NoError(t, err)
		var reserved int64 // on each node: it has a replica of every stream
		for _, stream := range streams {
			reserved += max(0, stream.MaxBytes)
		}
		require.Positive(t, reserved)
		require.Less(t, reserved, options.JetStreamMaxStore, "the rest is for the ledgers, which reserve nothing")
	}
}

// Several nodes find each other by the names that their pods have, and are told
// apart by them.
func TestNodesFindEachOther(t *testing.T) {
	t.Setenv("SERVER_NAME", "nats-0")
	for _, dir := range []string{base, autoscale} {
		c := build(t, dir)
		options, set := configuration(t, c)
		require.EqualValues(t, 1, *set.Spec.Replicas)
		require.Empty(t, options.Routes, "one node waits for no other")
		require.Empty(t, c.budgets, "a budget would keep its machine from being emptied")
	}

	for _, dir := range three {
		requireNodesFindEachOther(t, build(t, dir))
	}
}

func requireNodesFindEachOther(t *testing.T, c *cluster) {
	t.Helper()
	options, set := configuration(t, c)
	require.EqualValues(t, 3, *set.Spec.Replicas)
	require.Equal(t, apps.ParallelPodManagement, set.Spec.PodManagementPolicy, "none is ready before the others are there")
	container := set.Spec.Template.Spec.Containers[0]
	require.Equal(t, options.Cluster.Port, port(t, container, "nodes"))
	headless := c.services[set.Spec.ServiceName]
	require.Equal(t, core.ClusterIPNone, headless.Spec.ClusterIP)
	require.True(t, headless.Spec.PublishNotReadyAddresses)
	var hosts, pods []string
	for _, route := range options.Routes {
		hosts = append(hosts, route.Host)
	}
	for i := range *set.Spec.Replicas {
		pods = append(pods, set.Name+"-"+itoa(i)+"."+headless.Name+":"+itoa(int32(options.Cluster.Port)))
	}
	require.Equal(t, pods, hosts)
	i := slices.IndexFunc(container.Env, func(e core.EnvVar) bool { return e.Name == "SERVER_NAME" })
	require.GreaterOrEqual(t, i, 0)
	require.Equal(t, "metadata.name", container.Env[i].ValueFrom.FieldRef.FieldPath)

	budget := c.budgets["nats"]
	require.Equal(t, 1, budget.Spec.MaxUnavailable.IntValue())
	require.Equal(t, set.Spec.Selector.MatchLabels, budget.Spec.Selector.MatchLabels)
	spread := set.Spec.Template.Spec.TopologySpreadConstraints
	require.Len(t, spread, 1)
	require.Equal(t, core.LabelHostname, spread[0].TopologyKey)
	require.Equal(t, core.DoNotSchedule, spread[0].WhenUnsatisfiable)
	require.Equal(t, set.Spec.Selector.MatchLabels, spread[0].LabelSelector.MatchLabels)
}

// The broker's users are those who log in, and no others.
func TestTheBrokerKnowsItsUsers(t *testing.T) {
	t.Setenv("SERVER_NAME", "nats-0")
	for _, dir := range all {
		options, _ := configuration(t, build(t, dir))
		var users []string
		for _, user := range options.Users {
			users = append(users, user.Username)
		}
		require.ElementsMatch(t, credentials.Users, users)
		require.Contains(t, users, topology.Requestor)
	}
}
