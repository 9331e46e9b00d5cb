package manifests_test

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"decoupled.example/console/credentials"
	"decoupled.example/shared/topology"
)

// pods are the templates of all pods, by the name of what makes them.
func (c *cluster) pods() map[string]core.PodTemplateSpec {
	pods := make(map[string]core.PodTemplateSpec)
	for name, d := range c.deployments {
		pods[name] = d.Spec.Template
	}
	for name, s := range c.statefulSets {
		pods[name] = s.Spec.Template
	}
	for name, j := range c.cronJobs {
		pods[name] = j.Spec.JobTemplate.Spec.Template
	}
	return pods
}

func containers(pod core.PodTemplateSpec) []core.Container {
	return append(slices.Clone(pod.Spec.InitContainers), pod.Spec.Containers...)
}

// eachPod runs a test for every pod of every kustomization.
func eachPod(t *testing.T, test func(t *testing.T, c *cluster, name string, pod core.PodTemplateSpec)) {
	t.Helper()
	for _, dir := range all {
		c := build(t, dir)
		pods := c.pods()
		require.ElementsMatch(t, []string{"nats", topology.Requestor, topology.Generator, "dashboard", "drain"}, slices.Collect(maps.Keys(pods)), dir)
		for name, pod := range pods {
			t.Run(filepath.Base(dir)+"/"+name, func(t *testing.T) {
				t.Parallel()
				test(t, c, name, pod)
			})
		}
	}
}

// The standard, as Kubernetes itself checks it.
func TestPods_MeetTheRestrictedStandard(t *testing.T) {
	t.Parallel()
	checks, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	require.NoError(t, err)
	eachPod(t, func(t *testing.T, c *cluster, _ string, pod core.PodTemplateSpec) {
		t.Helper()
		require.Equal(t, "restricted", c.namespaces[credentials.Namespace].Labels[api.EnforceLevelLabel])
		restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
		for _, result := range checks.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec) {
			require.True(t, result.Allowed, "%s: %s", result.ForbiddenReason, result.ForbiddenDetail)
		}
	})
}

// What the standard does not ask for.
func TestPodsHaveNothingThatTheyDoNotNeed(t *testing.T) {
	t.Parallel()
	eachPod(t, func(t *testing.T, c *cluster, name string, pod core.PodTemplateSpec) {
		t.Helper()
		account, has := c.accounts[pod.Spec.ServiceAccountName]
		require.True(t, has, "its service account is its own")
		require.Equal(t, name, account.Name)
		for _, mounted := range []*bool{account.AutomountServiceAccountToken, pod.Spec.AutomountServiceAccountToken} {
			require.NotNil(t, mounted)
			require.False(t, *mounted, "no token of the cluster")
		}
		require.NotNil(t, pod.Spec.EnableServiceLinks)
		require.False(t, *pod.Spec.EnableServiceLinks, "no list of services in the environment")
		for _, container := range containers(pod) {
			require.True(t, *container.SecurityContext.ReadOnlyRootFilesystem, container.Name)
			require.Equal(t, core.PullIfNotPresent, container.ImagePullPolicy, "local images can be used")
			_, tag, _ := strings.Cut(container.Image, ":")
			require.NotContains(t, []string{"", "latest"}, tag, container.Image)
			for _, name := range []core.ResourceName{core.ResourceCPU, core.ResourceMemory} {
				requests, limits := container.Resources.Requests[name], container.Resources.Limits[name]
				require.Equal(t, 1, requests.Sign(), "%s requests %s", container.Name, name)
				require.LessOrEqual(t, requests.Cmp(limits), 0, "%s requests no more %s than it may have", container.Name, name)
			}
			if limit := environment(t, container)["GOMEMLIMIT"]; limit != "" {
				collects, err := resource.ParseQuantity(strings.TrimSuffix(limit, "B")) // Go writes MiB what is Mi here
				require.NoError(t, err)
				require.Less(t, collects.Value(), container.Resources.Limits.Memory().Value(), "%s collects its garbage before it is ended for it", container.Name)
				require.NotEmpty(t, environment(t, container)["GOGC"], "%s collects more often than its limit demands", container.Name)
			}
			for _, mount := range container.VolumeMounts {
				require.True(t, mount.ReadOnly || mount.Name == "data", mount.Name)
			}
		}
	})
}

// Every name in a pod leads to something that exists.
func TestPodsFindWhatTheyName(t *testing.T) {
	t.Parallel()
	eachPod(t, func(t *testing.T, c *cluster, name string, pod core.PodTemplateSpec) {
		t.Helper()
		require.Equal(t, name, pod.Labels["app.kubernetes.io/name"])
		volumes := []string{"data"} // the claim's
		for _, volume := range pod.Spec.Volumes {
			volumes = append(volumes, volume.Name)
			switch {
			case volume.Secret != nil:
				require.Contains(t, c.secrets, volume.Secret.SecretName)
			case volume.ConfigMap != nil:
				require.Contains(t, c.configs, volume.ConfigMap.Name)
			default:
				require.Fail(t, "a volume of another kind", volume.Name)
			}
		}
		for _, container := range containers(pod) {
			for _, mount := range container.VolumeMounts {
				require.Contains(t, volumes, mount.Name)
			}
		}
	})
}

// An outage of the broker makes services unready, and restarts nobody.
func TestReadinessFollowsTheBrokerAndLivenessDoesNot(t *testing.T) {
	t.Parallel()
	for _, dir := range all {
		pods := build(t, dir).pods()
		for _, name := range []string{topology.Requestor, topology.Generator} {
			container := pods[name].Spec.Containers[0]
			require.Equal(t, "/readyz", container.ReadinessProbe.HTTPGet.Path)
			require.Equal(t, "/livez", container.LivenessProbe.HTTPGet.Path)
			port := container.ReadinessProbe.HTTPGet.Port
			require.Equal(t, port, container.LivenessProbe.HTTPGet.Port)
			require.Equal(t, port.StrVal, container.Ports[0].Name)
			require.Equal(t, environment(t, container)["LISTEN"], ":"+itoa(container.Ports[0].ContainerPort))

			grace, err := time.ParseDuration(environment(t, container)["GRACE"])
			require.NoError(t, err)
			allowed := time.Duration(*pods[name].Spec.TerminationGracePeriodSeconds) * time.Second
			require.GreaterOrEqual(t, allowed, grace+5*time.Second, "see service.Program: GRACE bounds the shutdown")
		}
		require.Equal(t, "0", environment(t, pods[topology.Requestor].Spec.Containers[0])["RATE"], "it only stores")
		container := pods["dashboard"].Spec.Containers[0]
		for _, probe := range []*core.Probe{container.ReadinessProbe, container.LivenessProbe} {
			require.Equal(t, "/livez", probe.HTTPGet.Path, "the page says that there is no broker")
			require.Equal(t, probe.HTTPGet.Port.StrVal, container.Ports[0].Name)
		}
		require.Equal(t, environment(t, container)["LISTEN"], ":"+itoa(container.Ports[0].ContainerPort))
		for _, name := range []string{"dashboard", "drain"} {
			require.EqualValues(t, 10, *pods[name].Spec.TerminationGracePeriodSeconds, "%s has nothing in hand", name)
		}
	}
}

// Each Service leads to pods, and to ports that these have.
func TestServicesLeadToPods(t *testing.T) {
	t.Parallel()
	for _, dir := range all {
		c := build(t, dir)
		for name, service := range c.services {
			pod, has := c.pods()[service.Spec.Selector["app.kubernetes.io/name"]]
			require.True(t, has, name)
			for _, port := range service.Spec.Ports {
				ports := pod.Spec.Containers[0].Ports
				i := slices.IndexFunc(ports, func(p core.ContainerPort) bool { return p.Name == port.TargetPort.StrVal })
				require.GreaterOrEqual(t, i, 0, "%s: %s", name, port.Name)
				require.Equal(t, ports[i].ContainerPort, port.Port, "%s: %s", name, port.Name)
			}
		}
	}
}
