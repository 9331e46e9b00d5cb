package main

import (
	"net"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/internal/testbed"
)

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	_, stop, stdout := startDashboard(t, b.Broker.URL())
	address := regexp.MustCompile(`[0-9.]+:\d+`).FindString(stdout.String())
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	for _, listen := range []string{address, ":" + port, "0.0.0.0:" + port} {
		code, _, stderr := console(t, b.Broker.URL(), "healthcheck", "--listen", listen)
		require.Zero(t, code, "%s: %s", listen, stderr)
	}
	require.Zero(t, stop())
	code, _, stderr := console(t, b.Broker.URL(), "healthcheck", "--listen", address)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "cannot check health")
	require.Contains(t, stderr, "refused")
}
