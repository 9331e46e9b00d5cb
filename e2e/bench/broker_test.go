package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
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

// role makes the test binary a node of the broker, with these options.
const role = "DECOUPLED_BENCH_BROKER"

func TestMain(m *testing.M) {
	code := 0
	if options := os.Getenv(role); options == "" {
		code = m.Run()
		removePrograms()
	} else if err := runNode(options); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runNode(text string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var options broker.Options
	if err := json.Unmarshal([]byte(text), &options); err != nil {
		return err
	}
	b, err := broker.Start(options, zerolog.Nop())
	if err != nil {
		return err
	}
	<-ctx.Done()
	b.Stop()
	return nil
}

// setting is how a broker is run.
type setting struct {
	nodes int  // processes; streams have as many replicas
	sync  bool // every write before it is confirmed; otherwise once a second
}

func (s setting) String() string {
	text := "one node"
	if s.nodes > 1 {
		text = fmt.Sprintf("%d nodes", s.nodes)
	}
	if s.sync {
		return text + ", sync always"
	}
	return text + ", sync 1s"
}

// brokers are the nodes of a broker, each in a process of its own.
type brokers struct {
	setting
	url       string
	dir       string
	processes []*exec.Cmd
}

func startBrokers(b *testing.B, s setting) *brokers {
	b.Helper()
	all := &brokers{setting: s, dir: b.TempDir()}
	nodes, err := broker.Nodes(all.dir, s.nodes)
	require.NoError(b, err)
	all.url = broker.URL(nodes)
	for _, options := range nodes {
		options.SyncAlways = s.sync
		text, err := json.Marshal(options)
		require.NoError(b, err)
		node := exec.Command(os.Args[0])
		node.Env = append(os.Environ(), role+"="+string(text))
		node.Stderr = os.Stderr
		require.NoError(b, node.Start())
		all.processes = append(all.processes, node)
	}
	b.Cleanup(all.stop)
	for url := range strings.SplitSeq(all.url, ",") {
		require.Eventually(b, func() bool {
			nc, err := nats.Connect(url)
			if err == nil {
				nc.Close()
			}
			return err == nil
		}, time.Minute, 10*time.Millisecond, "the broker does not start")
	}
	return all
}

func (a *brokers) stop() {
	for _, p := range a.processes {
		_ = p.Process.Signal(syscall.SIGTERM) // it may have ended
	}
	for _, p := range a.processes {
		_ = p.Wait()
	}
}

// cpu is the processor time that the nodes have used.
func (a *brokers) cpu(b *testing.B) (used time.Duration) {
	b.Helper()
	for _, p := range a.processes {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Process.Pid))
		require.NoError(b, err)
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		user, err := strconv.Atoi(fields[11])
		require.NoError(b, err)
		system, err := strconv.Atoi(fields[12])
		require.NoError(b, err)
		used += time.Duration(user+system) * (time.Second / 100) // USER_HZ is 100 on every Linux
	}
	return used
}

// memory is the resident memory of the nodes, in bytes.
func (a *brokers) memory(b *testing.B) (bytes int) {
	b.Helper()
	for _, p := range a.processes {
		bytes += resident(b, p.Process.Pid)
	}
	return bytes
}

// disk is what the nodes have written and not removed, in bytes.
func (a *brokers) disk(b *testing.B) (bytes int) {
	b.Helper()
	require.NoError(b, filepath.WalkDir(a.dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil // removed in the meantime
		}
		if info, err := entry.Info(); err == nil {
			bytes += int(info.Size())
		}
		return nil
	}))
	return bytes
}

// resident is the resident memory of a process, in bytes.
func resident(b *testing.B, pid int) int {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(b, err)
	for line := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.Atoi(strings.Fields(kb)[0])
			require.NoError(b, err)
			return n << 10
		}
	}
	require.FailNow(b, "a process without VmRSS")
	return 0
}

// ownCPU is the processor time this process has used.
func ownCPU(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
