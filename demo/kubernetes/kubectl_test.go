package kubernetes

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// says is a PATH on which kubectl is a script.
func says(t *testing.T, script string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "kubectl"), []byte("#!/bin/sh\ncd "+dir+"\n"+script), 0o700))
	return dir + string(os.PathListSeparator) + os.Getenv("PATH")
}

// The cluster that was agreed to is the one that is used, whichever is the current
// one then.
func TestTheClusterStaysTheSame(t *testing.T) {
	t.Setenv("PATH", says(t, `echo cluster-$(ls -A | wc -l); touch "again$$"`)) // another one each time
	first, err := Context()
	require.NoError(t, err)
	second, err := Context()
	require.NoError(t, err)
	require.Equal(t, first, second)
}

// An answer that does not come is waited for, and if it never comes the error says
// why.
func TestAMomentWithoutTheClusterIsNoFailure(t *testing.T) {
	t.Setenv("PATH", says(t, `[ -e asked ] && echo '{"items":[]}' && exit; touch asked; echo "refused, for a moment" >&2; exit 1`))
	require.NoError(t, kubectl{}.settled(t.Context(), broker, 0))

	t.Setenv("PATH", says(t, `echo "refused, for good" >&2; exit 1`))
	ctx, cancel := context.WithTimeout(t.Context(), 5*lookEvery)
	defer cancel()
	require.ErrorContains(t, kubectl{}.settled(ctx, broker, 0), "refused, for good")
}

// Where nobody gets through to the broker, the error has what kubectl said.
func TestThatAPortIsNotForwardedHasAReason(t *testing.T) {
	t.Setenv("PATH", says(t, `echo "the pod is not running" >&2; exit 1`))
	f := kubectl{}.forward(zerolog.Nop(), node(0), 1) // where nobody listens
	defer f.close()
	require.Eventually(t, func() bool { return f.why() != nil }, time.Minute, time.Millisecond)
	d := &cluster{forwards: []*forward{f}, manifests: &manifests{}}
	ctx, cancel := context.WithTimeout(t.Context(), lookEvery)
	defer cancel()
	require.ErrorContains(t, d.accepts(ctx), "the pod is not running")
}
