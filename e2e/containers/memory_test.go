package containers_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"
	"github.com/testcontainers/testcontainers-go"
)

// requests is how many the test of memory sends. docs/compose.md has the figure for
// 100,000, which take some minutes.
var requests = flag.Int("containers.requests", 5000, "how many requests the test of memory sends")

// All containers together stay below 256 MB, and none reaches its limit, after
// many requests too: what the ledgers remember is most of it.
func TestMemory(t *testing.T) {
	t.Parallel()
	long(t)
	engine := docker(t)
	composes(t)
	p := project{t: t, name: fmt.Sprintf("decoupled-test-memory-%d", os.Getpid()), port: freePort(t), dashboard: freePort(t)}
	t.Cleanup(func() { p.compose("down", "--volumes", "--timeout", "1") })
	p.compose("up", "-d", "--wait", "--scale", "generator=3")
	p.compose("run", "--rm", "console", "send", strconv.Itoa(*requests))
	p.compose("run", "--rm", "console", "drain", "--timeout", "15m")
	require.Contains(t, p.compose("run", "--rm", "console", "verify"), "OK: nothing was lost")

	var sum uint64
	for _, id := range strings.Fields(p.compose("ps", "--all", "--quiet", "--no-trunc")) {
		found, err := engine.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{})
		require.NoError(t, err)
		c := found.Container
		require.False(t, c.State.OOMKilled, c.Name)
		require.Zero(t, c.RestartCount, c.Name)
		if !c.State.Running {
			continue
		}
		used := memory(t, engine, id)
		t.Logf("%s uses %.1f of %.1f MB", c.Name, float64(used)/1e6, float64(c.HostConfig.Memory)/1e6)
		sum += used
	}
	t.Logf("all use %.1f MB", float64(sum)/1e6)
	require.NotZero(t, sum)
	require.Less(t, sum, uint64(256_000_000))
}

// memory is what a container uses, as docker stats tells it: without the files
// that the kernel only keeps because there is room.
func memory(t *testing.T, engine *testcontainers.DockerClient, id string) uint64 {
	t.Helper()
	answer, err := engine.ContainerStats(t.Context(), id, client.ContainerStatsOptions{})
	require.NoError(t, err)
	defer answer.Body.Close()
	var stats container.StatsResponse
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&stats))
	m := stats.MemoryStats
	require.NotZero(t, m.Usage)
	if files, ok := m.Stats["total_inactive_file"]; ok { // version 1 of control groups
		return m.Usage - files
	}
	return m.Usage - m.Stats["inactive_file"]
}
