package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Where nobody can be asked, nothing is played on a cluster that was not agreed to.
func TestAClusterIsNotTakenUnasked(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(config, []byte("apiVersion: v1\nkind: Config\ncurrent-context: production\n"), 0o600))
	t.Setenv("KUBECONFIG", config)
	var out, errs strings.Builder
	code := execute(t.Context(), []string{"scenario", "run", "round-trip", "--on", "kubernetes", "--json"}, &out, &errs)
	require.Empty(t, out.String())
	if _, err := exec.LookPath("kubectl"); err != nil {
		require.Equal(t, exitFailed, code)
		require.Contains(t, errs.String(), "without kubectl")
		return
	}
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs.String(), "production")
	require.Contains(t, errs.String(), "--yes")
}
