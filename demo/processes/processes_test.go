//go:build unix

package processes

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"decoupled.example/demo/deployment"
	"decoupled.example/shared/topology"
)

// patience bounds every wait.
const patience = 60 * time.Second

var programs Programs

func TestMain(m *testing.M) {
	BecomeBroker()
	beParent()
	code := m.Run()
	_ = programs.Remove() // a temporary folder
	os.Exit(code)
}

// all are the processes of a deployment.
func (d *processes) all() (pids []int) {
	for _, p := range d.brokers {
		pids = append(pids, p.cmd.Process.Pid)
	}
	for _, running := range d.replicas {
		for _, p := range running {
			pids = append(pids, p.cmd.Process.Pid)
		}
	}
	return pids
}

func isGone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func deploy(ctx context.Context, t *testing.T) *processes {
	t.Helper()
	d, err := programs.start(ctx, deployment.Needs{}, zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.ErrorLevel))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	d := deploy(t.Context(), t)
	require.NoError(t, d.Scale(t.Context(), topology.Requestor, 1))
	require.NoError(t, d.Scale(t.Context(), topology.Generator, 2))
	pids, dir := d.all(), d.dir
	require.Len(t, pids, 4)
	require.DirExists(t, dir)

	require.NoError(t, d.Close())
	for _, pid := range pids {
		require.True(t, isGone(pid))
	}
	require.NoDirExists(t, dir)
}

// What is interrupted while it deploys leaves nothing behind either.
func TestStartInterrupted(t *testing.T) {
	t.Parallel()
	deploy(t.Context(), t) // the programs are built
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	d := &processes{log: zerolog.Nop(), brokers: make(map[string]*process), replicas: make(map[string][]*process)}
	require.Error(t, d.start(ctx, deployment.Needs{}))
	require.NoError(t, d.Close())
	require.NoDirExists(t, d.dir)
	require.Empty(t, d.all())
}

func TestScaleAndKill(t *testing.T) {
	t.Parallel()
	d := deploy(t.Context(), t)
	require.NoError(t, d.Scale(t.Context(), topology.Generator, 3))
	three := d.replicas[topology.Generator]
	require.NoError(t, d.Scale(t.Context(), topology.Generator, 2), "it ends in order")
	require.True(t, three[2].hasEnded())
	require.True(t, three[2].endedInOrder())

	require.NoError(t, d.Kill(t.Context(), topology.Generator))
	require.True(t, three[1].hasEnded())
	require.False(t, three[1].endedInOrder())
	require.Eventually(t, three[0].begun.Load, patience, 10*time.Millisecond, "it listens to signals")
	require.NoError(t, d.Scale(t.Context(), topology.Generator, 0))
	require.True(t, three[0].hasEnded())
	require.Zero(t, three[0].cmd.ProcessState.ExitCode())

	require.ErrorContains(t, d.Kill(t.Context(), topology.Generator), "there is none")
	require.ErrorContains(t, d.Scale(t.Context(), "janitor", 1), `no service "janitor"`)
}

// A program that does not listen to signals does not stop in order, unless it has
// not even said that it starts.
func TestEndedByTheSignal(t *testing.T) {
	t.Parallel()
	for _, begun := range []bool{false, true} {
		p, err := start("yes", "yes", nil, zerolog.Nop(), nil) // it writes to nowhere until it is killed
		require.NoError(t, err)
		p.begun.Store(begun)
		require.NoError(t, p.terminate())
		err = p.await(t.Context(), patience)
		if begun {
			require.ErrorContains(t, err, "the yes stopped with signal: terminated")
		} else {
			require.NoError(t, err)
		}
	}
}

func TestBrokerIsStoppedAndKilledAndStarted(t *testing.T) {
	t.Parallel()
	d := deploy(t.Context(), t)
	_, err := d.operator.JS.Publish(t.Context(), topology.SubjectRequest, []byte("kept"))
	require.NoError(t, err)
	for _, end := range []func(context.Context, string) error{d.StopBroker, d.KillBroker} {
		require.NoError(t, end(t.Context(), ""))
		require.ErrorIs(t, end(t.Context(), ""), errNotRunning)
		require.NoError(t, d.StartBroker(t.Context(), ""))
		require.NoError(t, d.StartBroker(t.Context(), ""), "it runs already")
		require.Eventually(t, func() bool {
			stream, err := d.operator.JS.Stream(t.Context(), topology.Requests)
			return err == nil && stream.CachedInfo().State.Msgs == 1
		}, patience, 10*time.Millisecond, "where it was, with its data")
	}
	require.ErrorContains(t, d.KillBroker(t.Context(), "node-7"), `no node "node-7"`)
}

func TestBrokerThatCannotStart(t *testing.T) {
	t.Parallel()
	d := deploy(t.Context(), t)
	_, err := startBroker(t.Context(), d.nodes[0], zerolog.Nop()) // its port is taken
	require.ErrorContains(t, err, "cannot start the broker node-1")
}
