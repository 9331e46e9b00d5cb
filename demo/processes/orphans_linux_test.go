package processes

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"decoupled.example/demo/broker"
)

// parent is the environment variable that makes the test binary a program which
// starts a broker in that folder and waits to be killed.
const parent = "DECOUPLED_TEST_PARENT"

func beParent() {
	dir, is := os.LookupEnv(parent)
	if !is {
		return
	}
	nodes, err := broker.Nodes(dir, 1)
	if err == nil {
		var p *process
		if p, err = startBroker(context.Background(), nodes[0], zerolog.Nop()); err == nil {
			fmt.Println(p.cmd.Process.Pid)
			select {}
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

// A program that is killed takes its children along.
func TestKilledProgramLeavesNoOrphans(t *testing.T) {
	t.Parallel()
	program := exec.Command(os.Args[0])
	program.Env = append(os.Environ(), parent+"="+t.TempDir())
	out, err := program.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, program.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	var child int
	_, err = fmt.Sscan(strings.TrimSpace(line), &child)
	require.NoError(t, err, line)
	require.False(t, isGone(child))

	require.NoError(t, program.Process.Kill())
	require.Error(t, program.Wait())
	require.Eventually(t, func() bool { return isGone(child) || isZombie(child) }, patience, 10*time.Millisecond)
}

// isZombie is true for a process that has ended and that nobody has buried: where
// the first process of a container does not do that.
func isZombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}
