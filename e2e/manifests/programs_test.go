package manifests_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"

	"decoupled.example/console/credentials"
	"decoupled.example/shared/topology"
)

func itoa(n int32) string { return strconv.Itoa(int(n)) }

func documents(text string) []string { return strings.Split(text, "\n---\n") }

// environment are the variables of a container that have a value.
func environment(t *testing.T, container core.Container) map[string]string {
	t.Helper()
	variables := make(map[string]string)
	for _, v := range container.Env {
		require.NotContains(t, variables, v.Name)
		variables[v.Name] = v.Value
	}
	return variables
}

// buildPrograms builds the programs in the images.
func buildPrograms(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	out, err := exec.Command("go", "build", "-o", dir+string(filepath.Separator),
		"decoupled.example/requestor/cmd/requestor", "decoupled.example/generator/cmd/generator", "decoupled.example/console").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return dir
}

// Each program knows all variables of its container by name, and takes their
// values and its arguments.
func TestProgramsTakeTheirSettings(t *testing.T) {
	t.Parallel()
	dir := buildPrograms(t)
	eachPod(t, func(t *testing.T, _ *cluster, _ string, pod core.PodTemplateSpec) {
		t.Helper()
		for _, container := range containers(pod) {
			image, _, _ := strings.Cut(container.Image, ":")
			image, ours := strings.CutPrefix(image, "decoupled/")
			if !ours {
				continue
			}
			program := filepath.Join(dir, image)
			args := container.Args
			switch {
			case image != "console":
				args = []string{"healthcheck"} // which reads all settings, too
			case args[0] == "dashboard": // which waits for a broker for ever, but not for an address
				args = append(slices.Clone(args), "--listen", "nowhere:-1")
			default:
				args = append(slices.Clone(args), "--wait", "1ms") // there is no broker here
			}

			var known string
			for _, of := range containers(pod) { // the two of the dashboard's pod share their settings
				help, err := exec.Command(program, append(slices.Clone(of.Args), "--help")...).CombinedOutput()
				require.NoError(t, err, "%s", help)
				known += string(help)
			}
			cmd := exec.Command(program, args...)
			for name, value := range environment(t, container) {
				cmd.Env = append(cmd.Env, name+"="+value)
				if name != "GOMEMLIMIT" && name != "GOGC" { // which are Go's
					require.Contains(t, known, "$"+name, "a setting of %s", container.Name)
				}
			}
			cmd.Env = append(cmd.Env, "NATS_URL=nats://127.0.0.1:1")
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if err != nil {
				require.ErrorAs(t, err, &exit)
				require.Equal(t, 1, exit.ExitCode(), "2 would be wrong usage: %s", out)
			}
		}
	})
}

// Everyone logs in as who they are, with the password of that user and no other.
func TestEachPodHasThePasswordOfItsUser(t *testing.T) {
	t.Parallel()
	users := map[string]string{
		topology.Requestor: topology.Requestor, topology.Generator: topology.Generator,
		"dashboard": credentials.Operator, "drain": credentials.Operator,
	}
	eachPod(t, func(t *testing.T, c *cluster, name string, pod core.PodTemplateSpec) {
		t.Helper()
		require.Len(t, c.secrets, len(credentials.Users)+1)
		for secret, s := range c.secrets {
			require.True(t, *s.Immutable, secret)
		}
		user, is := users[name]
		if !is {
			require.Equal(t, "nats", name)
			return
		}
		require.Contains(t, credentials.Users, user)
		require.Len(t, pod.Spec.Volumes, 1)
		require.Equal(t, user, pod.Spec.Volumes[0].Secret.SecretName)
		require.Contains(t, c.secrets[user].StringData, credentials.PasswordFile)
		for _, container := range containers(pod) {
			variables := environment(t, container)
			require.Equal(t, user, variables["NATS_USER"])
			mount := container.VolumeMounts[0]
			require.Equal(t, mount.MountPath+"/"+credentials.PasswordFile, variables["NATS_PASSWORD_FILE"])
			service := c.services["nats"]
			require.Equal(t, "nats://"+service.Name+":"+itoa(service.Spec.Ports[0].Port), variables["NATS_URL"])
			require.Equal(t, "client", service.Spec.Ports[0].TargetPort.StrVal)
		}
	})
}
