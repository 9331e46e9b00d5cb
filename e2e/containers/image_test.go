package containers_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/topology"
)

// The images hold a program and nothing else, and it is nobody.
func TestImages(t *testing.T) {
	t.Parallel()
	engine := docker(t)
	for _, name := range []string{topology.Requestor, topology.Generator, "console"} {
		image, err := engine.ImageInspect(t.Context(), "decoupled/"+name+tag)
		require.NoError(t, err)
		require.LessOrEqual(t, image.Size, int64(16_000_000), name)
		require.Len(t, image.RootFS.Layers, 1, name)
		require.Equal(t, "65532:65532", image.Config.User, name)
		require.Equal(t, []string{"/" + name}, image.Config.Entrypoint, name)
		if name != "console" { // which is a command, and not always the dashboard
			require.Equal(t, []string{"CMD", "/" + name, "healthcheck"}, image.Config.Healthcheck.Test, name)
		}
		require.Equal(t, tag[1:], image.Config.Labels["org.opencontainers.image.version"], name)
		require.Equal(t, commit, image.Config.Labels["org.opencontainers.image.revision"], name)
		version, err := exec.Command(command, "run", "--rm", "decoupled/"+name+tag, "--version").CombinedOutput()
		require.NoError(t, err, "%s", version)
		require.Equal(t, name+" "+tag[1:]+" (commit "+commit+")\n", string(version))
	}
}
