package containers_test

import (
	"testing"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"
	"github.com/testcontainers/testcontainers-go"

	"decoupled.example/shared/topology"
)

// While the disk is full the broker says so, and who publishes waits and says so.
// The broker does not try a stream again that it could not write: when there is
// room it takes a restart, and then everything goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	long(t)
	var disk *unit
	s := start(t, 1, func(s *stack) { disk = s.smallDisk(s.hosts[0]) })
	t.Cleanup(func() { require.NoError(t, testcontainers.TerminateContainer(disk, testcontainers.StopTimeout(0))) }) // before the node, which removes the volume
	s.service(topology.Requestor, "RATE=0")
	s.service(topology.Generator)
	asking := s.service(topology.Requestor, "RATE=50")
	s.flow(100)

	// Small writes, so that no byte is left; that the last of them fails is the point.
	disk.does("dd if=/dev/zero of=/data/ballast bs=512 || true")
	node := s.nodes[s.hosts[0]]
	node.says("no space left on device")
	asking.says("cannot write to its disk")

	disk.does("rm /data/ballast")
	node.stop()
	node.start()
	s.flow(100)
	asking.stop()
	asked, err := s.topology.Ledger(topology.Asked).Count(s.within())
	require.NoError(t, err)
	s.proven(int(asked))
}

// smallDisk makes the volume of a node a small one, and returns a container that
// keeps what is in it while the node is down.
func (s *stack) smallDisk(host string) *unit {
	s.t.Helper()
	_, err := s.docker.VolumeCreate(s.t.Context(), client.VolumeCreateOptions{
		Name: s.volume(host), Driver: "local",
		DriverOpts: map[string]string{"type": "tmpfs", "device": "tmpfs", "o": "size=32m"},
	})
	require.NoError(s.t, err)
	return s.run("disk", brokerImage, nil, []string{s.volume(host) + ":/data"}, 0, nil,
		testcontainers.WithEntrypoint("sleep"), testcontainers.WithCmd("infinity"))
}

// does runs a shell's command in the container.
func (u *unit) does(line string) {
	u.stack.t.Helper()
	code, _, err := u.Exec(u.stack.t.Context(), []string{"sh", "-c", line})
	require.NoError(u.stack.t, err)
	require.Zero(u.stack.t, code, line)
}
