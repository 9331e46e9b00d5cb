package queue_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/publish"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

const (
	// victimURL makes the test program a process that consumes from the broker
	// there, and dies of the requests in victimKillers.
	victimURL     = "QUEUE_TEST_VICTIM_URL"
	victimKillers = "QUEUE_TEST_VICTIM_KILLERS"
	// killed is how it exits then.
	killed = 42
)

func TestMain(m *testing.M) {
	if url := os.Getenv(victimURL); url != "" {
		if err := victim(url, strings.Fields(os.Getenv(victimKillers))); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// They wait for the broker's timers most of the time.
	if err := flag.Set("test.parallel", "6"); err != nil { // -parallel comes later, and counts
		panic(err)
	}
	os.Exit(m.Run())
}

// victim consumes until nothing is left. It tells on the subject "handled" what
// its handler has returned nil for.
func victim(url string, killers []string) error {
	conn, err := nats.Connect(url)
	if err != nil {
		return err
	}
	defer conn.Close()
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	publisher, err := publish.New(conn, log)
	if err != nil {
		return err
	}
	client, err := queue.NewClient(conn, publisher, log, patience)
	if err != nil {
		return err
	}
	q := queue.New(client, quickConfig(), contract.Requests)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	consumed := make(chan error, 1)
	go func() {
		consumed <- q.Consume(ctx, func(_ context.Context, batch []queue.Message[request]) error {
			for _, m := range batch {
				if slices.Contains(killers, m.Body.ID) {
					os.Exit(killed)
				}
			}
			for _, m := range batch {
				if err := conn.Publish("handled", []byte(m.Body.ID)); err != nil {
					return err
				}
			}
			return conn.Flush()
		})
	}()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	for {
		s, err := js.Stream(ctx, topology.Requests)
		if err != nil {
			return err
		}
		if s.CachedInfo().State.Msgs == 0 {
			break
		}
		<-time.After(often)
	}
	stop()
	return <-consumed
}

// lives starts a process over and over until it survives, and returns how often
// it died.
func lives(t *testing.T, url string, killers []request) (deaths int) {
	t.Helper()
	var list []string
	for _, k := range killers {
		list = append(list, k.ID)
	}
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
		defer cancel()
		process := exec.CommandContext(ctx, os.Args[0])
		process.Env = append(os.Environ(), victimURL+"="+url, victimKillers+"="+strings.Join(list, " "))
		output, err := process.CombinedOutput()
		if err == nil {
			return deaths
		}
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.Equal(t, killed, exit.ExitCode(), "%s", output)
		deaths++
		require.Less(t, deaths, 50, "the process dies for ever: %s", output)
	}
}

// This is what the quarantine is for. Judged by its delivery count alone, a
// message that was only near the killer is a dead letter as well.
func TestQuarantine_FindsOneKillerAmongAThousand(t *testing.T) {
	t.Parallel()
	testKillers(t, 1000, 500)
}

func TestQuarantine_FindsSomeKillers(t *testing.T) {
	t.Parallel()
	testKillers(t, 200, 0, 99, 100)
}

func testKillers(t *testing.T, n int, positions ...int) {
	f := start(t, topology.Settings{AckWait: time.Second})
	wire := f.tap("handled")
	values := f.publish(f.requests(), n)
	var killers []request
	innocent := make(map[string]bool)
	for i, v := range values {
		if slices.Contains(positions, i) {
			killers = append(killers, v)
		} else {
			innocent[v.ID] = true
		}
	}
	deaths := lives(t, f.url, killers)
	t.Log("it died", deaths, "times")
	require.GreaterOrEqual(t, deaths, 5+1)

	letters := f.letters()
	for _, k := range killers {
		require.True(t, slices.ContainsFunc(letters, func(l *jetstream.RawStreamMsg) bool {
			return l.Subject == "dead.REQUESTS."+k.ID && strings.Contains(l.Header.Get(queue.DeadLetterReason), "its worker process died")
		}))
	}
	require.Len(t, letters, len(killers), "innocent dead letters")
	handled := make(map[string]bool)
	for _, m := range wire.sent("") {
		handled[string(m.Data)] = true
	}
	require.Equal(t, innocent, handled)
	f.drained()
	if len(killers) == 1 { // another may have struck between a dead letter and the end of its record
		require.Zero(t, f.running())
	}
}
