package bench

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"decoupled.example/demo/broker"
)

// role makes the test binary a broker.
const role = "DECOUPLED_BENCH_BROKER"

func TestMain(m *testing.M) {
	if os.Getenv(role) == "" {
		os.Exit(m.Run())
	}
	if err := runBroker(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func runBroker() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	port, err := strconv.Atoi(os.Getenv("PORT"))
	if err != nil {
		return err
	}
	b, err := broker.Start(broker.Options{
		Port: port, Dir: os.Getenv("DIR"), Sync: time.Second, SyncAlways: os.Getenv("SYNC") == "always",
	}, zerolog.Nop())
	if err != nil {
		return err
	}
	<-ctx.Done()
	b.Stop()
	return nil
}

// brokerProcess is a nats-server in a process of its own.
type brokerProcess struct {
	cmd *exec.Cmd
	url string
}

func startBroker(b *testing.B, sync string) *brokerProcess {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	port := listener.Addr().(*net.TCPAddr).Port
	require.NoError(b, listener.Close())
	p := &brokerProcess{cmd: exec.Command(os.Args[0]), url: fmt.Sprintf("nats://127.0.0.1:%d", port)}
	p.cmd.Env = append(os.Environ(), role+"=1", "SYNC="+sync, "DIR="+b.TempDir(), "PORT="+strconv.Itoa(port))
	p.cmd.Stderr = os.Stderr
	require.NoError(b, p.cmd.Start())
	b.Cleanup(p.stop)
	require.Eventually(b, func() bool {
		nc, err := nats.Connect(p.url)
		if err == nil {
			nc.Close()
		}
		return err == nil
	}, time.Minute, 10*time.Millisecond, "the broker does not start")
	return p
}

func (p *brokerProcess) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	_ = p.cmd.Wait()
}

// cpu is the processor time the broker has used.
func (p *brokerProcess) cpu(b *testing.B) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	require.NoError(b, err)
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	require.NoError(b, err)
	system, err := strconv.Atoi(fields[12])
	require.NoError(b, err)
	return time.Duration(user+system) * (time.Second / 100) // USER_HZ is 100 on every Linux
}

// ownCPU is the processor time this process has used.
func ownCPU(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
