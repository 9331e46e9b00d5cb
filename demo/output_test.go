package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A demo that cannot be watched ends, as by a signal, and its exit code says that
// it has shown nothing.
func TestWithoutRoomForItsOutputTheDemoFails(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = full.Close() })
	for _, line := range []string{
		"--help", "--version", "scenario run --help", "scenario list", "scenario list --json",
		"--duration 1h --dashboard=", "scenario run --all", "scenario run --all --json",
	} {
		var stderr output
		require.Equal(t, exitFailed, execute(t.Context(), strings.Fields(line), full, &stderr), "%s: %s", line, stderr.String())
		require.Contains(t, stderr.String(), "demo: cannot write to standard output: ", line)
	}
}
