package verify

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"decoupled.example/console/internal/testbed"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/topology"
)

var many = flag.Int("ids", 20_000, "how many requests TestManyRequestsInConstantMemory verifies")

// brokerIn is the environment variable that makes the test binary a broker which
// stores in that folder, so that its memory is not counted as ours.
const brokerIn = "VERIFY_TEST_BROKER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(brokerIn); dir != "" {
		s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
		if err != nil || !startServer(s) {
			fmt.Println("cannot start:", err)
			os.Exit(1)
		}
		fmt.Println(s.ClientURL())
		_, _ = io.Copy(io.Discard, os.Stdin) // until the test ends
		s.Shutdown()
		return
	}
	os.Exit(m.Run())
}

func startServer(s *server.Server) bool {
	s.Start()
	return s.ReadyForConnections(30 * time.Second)
}

// brokerProcess starts a broker in a process of its own.
func brokerProcess(t *testing.T) (url string) {
	t.Helper()
	broker := exec.Command(os.Args[0])
	broker.Env = append(os.Environ(), brokerIn+"="+t.TempDir())
	stdin, err := broker.StdinPipe()
	require.NoError(t, err)
	stdout, err := broker.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, broker.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = broker.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line)
}

// measured is a ledger that looks at the memory in use now and then while it is
// walked. It waits until what was walked past is judged: what is in memory for
// that comes and goes.
type measured struct {
	ledger.Ledger
	t      *testing.T
	every  int
	judged func(n int) bool
	inUse  []int // bytes, after a garbage collection
}

func (l *measured) All(ctx context.Context) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		n := 0
		for e, err := range l.Ledger.All(ctx) {
			if n++; n%l.every == 0 {
				require.Eventually(l.t, func() bool { return l.judged((n - 1) / chunk * chunk) }, time.Minute, time.Millisecond)
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				l.inUse = append(l.inUse, int(m.HeapAlloc))
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// The memory in use does not grow with what was verified, and the broker is
// asked for many entries at once.
func TestManyRequestsInConstantMemory(t *testing.T) { //nolint:paralleltest // it measures the memory of the process
	if testing.Short() {
		t.Skip("it takes long, and is about memory")
	}
	b := testbed.On(t, brokerProcess(t))
	fill(t, b, *many)
	v, err := newVerifier(b.Context(), b.JS, b.Topology)
	require.NoError(t, err)
	m := &measured{Ledger: v.asked, t: t, every: *many / 24, judged: func(n int) bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		return v.verdict.Complete >= uint64(n)
	}}
	v.asked = m

	before, begun := b.Conn.Stats().OutMsgs, time.Now()
	require.NoError(t, v.run(t.Context()))
	requests := int(b.Conn.Stats().OutMsgs - before)
	require.Equal(t, Verdict{
		Asked: uint64(*many), Generated: uint64(*many), Stored: uint64(*many), Received: uint64(*many), Complete: uint64(*many),
	}, v.verdict)

	half := len(m.inUse) / 2
	early, late := slices.Min(m.inUse[half/2:half]), slices.Min(m.inUse[half+half/2:])
	t.Logf("%d requests verified in %v with %d questions; memory in use %d kB early, %d kB late",
		*many, time.Since(begun).Round(time.Millisecond), requests, early>>10, late>>10)
	// Between the two lies half of the requests, whose IDs alone take more.
	require.Less(t, late-early, *many/2*len(contract.NewID()), "the memory in use grows: %v", m.inUse)
	require.Less(t, requests, *many/50)
}

// fill plants n complete requests.
func fill(t *testing.T, b *testbed.Bed, n int) {
	t.Helper()
	const at = 1000
	for done := 0; done < n; done += at {
		entries := make([]ledger.Entry, min(at, n-done))
		for i := range entries {
			id := contract.NewID()
			value, err := json.Marshal(contract.NewResponse(id, contract.NewString(), time.Now()))
			require.NoError(t, err)
			entries[i] = ledger.Entry{ID: id, Value: value}
		}
		group, ctx := errgroup.WithContext(t.Context())
		for _, name := range topology.LedgerNames {
			group.Go(func() error {
				_, err := b.Topology.Ledger(name).PutIfAbsent(ctx, entries...)
				return err
			})
		}
		require.NoError(t, group.Wait())
	}
}
