package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/demo/stage"
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

func TestOnlyAYesIsAYes(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]error{
		"y\n": nil, "Yes\r\n": nil, "y": nil,
		"n\n": errNotAllowed, "\n": errNotAllowed, "": errNotAllowed, "yesterday\n": errNotAllowed,
	} {
		require.Equal(t, want, agreed(t.Context(), strings.NewReader(answer)), "%q", answer)
	}
}

// Whoever interrupts is not asked for a line first.
func TestAnInterruptIsAnAnswer(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	nobody, types := io.Pipe()
	require.ErrorIs(t, agreed(ctx, nobody), stage.ErrInterrupted)
	require.NoError(t, types.Close())
}
