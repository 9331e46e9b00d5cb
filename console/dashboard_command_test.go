package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/internal/testbed"
)

// patience bounds every wait. No test waits for it unless it fails.
const patience = 60 * time.Second

// startDashboard runs the command until stop is called, which returns its exit
// code; page is what it serves.
func startDashboard(t *testing.T, url string, args ...string) (page func() string, stop func() int, stdout *output) {
	t.Helper()
	ctx, interrupt := context.WithCancel(context.Background()) // ended by stop
	var stderr output
	stdout = &output{}
	ended := make(chan int, 1)
	go func() {
		ended <- execute(ctx, append([]string{"--nats-url", url, "dashboard", "--listen", "127.0.0.1:0"}, args...), stdout, &stderr)
	}()
	t.Cleanup(interrupt)
	address := regexp.MustCompile(`http://[0-9.:]+\d`)
	require.Eventually(t, func() bool { return address.MatchString(stdout.String()) }, patience, 10*time.Millisecond)
	page = func() string {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address.FindString(stdout.String()), http.NoBody)
		require.NoError(t, err)
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return string(body)
	}
	return page, func() int { interrupt(); return <-ended }, stdout
}

func TestDashboardOutlastsTheBroker(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Ask(7)
	page, stop, _ := startDashboard(t, b.Broker.URL(), "--wait", "100ms")
	b.Eventually(func() bool { return strings.Contains(page(), "● live") }, "it shows how things are")
	b.Broker.Stop()
	b.Eventually(func() bool { return strings.Contains(page(), "The connection to the broker is lost") }, "it says so")
	b.Broker.Restart()
	b.Eventually(func() bool { return strings.Contains(page(), "● live") }, "it is back, after more than --wait")
	require.Zero(t, stop())
}

// Whoever restarts it because it does not answer would do so for as long as the
// broker is away.
func TestDashboardServesBeforeThereIsABroker(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Broker.Stop()
	page, stop, _ := startDashboard(t, b.Broker.URL(), "--wait", "100ms")
	require.NotContains(t, page(), "● live")
	b.Broker.Restart()
	b.Eventually(func() bool { return strings.Contains(page(), "● live") }, "it finds the broker, after more than --wait")
	require.Zero(t, stop())
}

func TestDashboardReadOnly(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	page, stop, stdout := startDashboard(t, b.Broker.URL(), "--read-only", "--json")
	require.Contains(t, stdout.String(), `"dashboard": "http://127.0.0.1:`)
	require.NotContains(t, page(), "<form")
	require.Zero(t, stop())
}

func TestDashboardWhereItCannotListen(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	code, _, stderr := console(t, b.Broker.URL(), "dashboard", "--listen", taken.Addr().String())
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "cannot serve the dashboard")
	require.Contains(t, stderr, "in use")
}
