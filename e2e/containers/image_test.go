package containers_test

import (
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
		require.LessOrEqual(t, image.Size, int64(15_000_000), name)
		require.Len(t, image.RootFS.Layers, 1, name)
		require.Equal(t, "65532:65532", image.Config.User, name)
		require.Equal(t, []string{"/" + name}, image.Config.Entrypoint, name)
	}
}
