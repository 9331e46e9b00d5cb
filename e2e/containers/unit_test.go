package containers_test

import (
	"context"
	"io"
	"strings"

	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"
	"github.com/testcontainers/testcontainers-go"
)

// unit is one container.
type unit struct {
	*testcontainers.DockerContainer
	stack *stack
	alias string
}

// stop ends the program in order, as scaling down does.
func (u *unit) stop() {
	u.stack.t.Helper()
	grace := patience
	require.NoError(u.stack.t, u.Stop(u.stack.t.Context(), &grace))
}

func (u *unit) start() {
	u.stack.t.Helper()
	require.NoError(u.stack.t, u.Start(u.stack.t.Context()))
}

func (u *unit) kill() {
	u.stack.t.Helper()
	_, err := u.stack.docker.ContainerKill(u.stack.t.Context(), u.GetContainerID(), client.ContainerKillOptions{Signal: "KILL"})
	require.NoError(u.stack.t, err)
	require.Eventually(u.stack.t, func() bool {
		state, err := u.State(u.stack.t.Context())
		return err == nil && !state.Running
	}, patience, tick, "it has ended")
}

// freeze stops the program without its noticing.
func (u *unit) freeze() {
	u.stack.t.Helper()
	_, err := u.stack.docker.ContainerPause(u.stack.t.Context(), u.GetContainerID(), client.ContainerPauseOptions{})
	require.NoError(u.stack.t, err)
}

func (u *unit) thaw() {
	u.stack.t.Helper()
	_, err := u.stack.docker.ContainerUnpause(u.stack.t.Context(), u.GetContainerID(), client.ContainerUnpauseOptions{})
	require.NoError(u.stack.t, err)
}

// cutOff takes the container off the network: nothing that is sent to it or by
// it arrives, and nobody is told.
func (u *unit) cutOff() {
	u.stack.t.Helper()
	_, err := u.stack.docker.NetworkDisconnect(u.stack.t.Context(), u.stack.network.ID, client.NetworkDisconnectOptions{Container: u.GetContainerID(), Force: true})
	require.NoError(u.stack.t, err)
}

func (u *unit) joinAgain() {
	u.stack.t.Helper()
	_, err := u.stack.docker.NetworkConnect(u.stack.t.Context(), u.stack.network.ID, client.NetworkConnectOptions{
		Container: u.GetContainerID(), EndpointConfig: &network.EndpointSettings{Aliases: []string{u.alias}},
	})
	require.NoError(u.stack.t, err)
}

// says waits until the program has said that.
func (u *unit) says(text string) {
	u.stack.t.Helper()
	ctx := u.stack.within()
	require.Eventually(u.stack.t, func() bool { return strings.Contains(logs(ctx, u.DockerContainer), text) }, patience, tick, "it says %q", text)
}

func logs(ctx context.Context, c *testcontainers.DockerContainer) string {
	reader, err := c.Logs(ctx)
	if err != nil {
		return err.Error()
	}
	defer reader.Close()
	var text strings.Builder
	_, _ = io.Copy(&text, reader) // what there is of it is shown
	return text.String()
}
