package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/deadletter"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

// Whatever a command has to say: where it cannot be written, the command fails
// and says so. Exit code 0 of verify is a proof, which must have been shown.
func TestEveryCommandFailsWhenItsOutputIsFull(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = full.Close() })
	b := testbed.Start(t)
	b.PlantDead(3)
	id := b.Ask(1)[0].ID
	dead := decode[[]deadletter.Message](t, b.Broker.URL(), "dead", "list")
	commands := []string{
		"setup --ack-wait 1s", "status", "status --watch", "send 1", "send --malformed", "send --future-version", "verify", "trace " + id,
		"pause REQUESTS", "resume REQUESTS", "dead list", "dead show " + dead[2].ID, "dead redrive --all", "dead discard --all",
		"dashboard --listen 127.0.0.1:0", "credentials --kubernetes", "credentials --dir " + t.TempDir(), "certificates --dir " + t.TempDir(),
		"drain --timeout 1ms", "reset --yes",
	}
	tested := make(map[string]bool)
	check := func(line string) {
		var stderr output
		args := append([]string{"--nats-url", b.Broker.URL()}, strings.Fields(line)...)
		require.Equal(t, exitFailed, execute(t.Context(), args, full, &stderr), "%s: %s", line, stderr.String())
		require.Contains(t, stderr.String(), "console: cannot write to standard output: ", line)
		require.Contains(t, stderr.String(), "no space left on device", line)
		require.Equal(t, 1, strings.Count(stderr.String(), "cannot write"), "once: %s", stderr.String())
	}
	for _, line := range commands {
		check(line)
		check(line + " --json")
		tested[strings.Join(commandOf(t, line), " ")] = true
	}
	check("--help")
	check("--version")
	check("dead redrive --help")
	for _, command := range leaves(t) {
		require.True(t, tested[command] || command == "healthcheck", "%s is not tested; healthcheck prints nothing", command)
	}
}

// commandOf returns the words of a command line that name its command.
func commandOf(t *testing.T, line string) (words []string) {
	t.Helper()
	for _, word := range strings.Fields(line) {
		for _, known := range leaves(t) {
			if strings.HasPrefix(known+" ", strings.Join(append(words, word), " ")+" ") {
				words = append(words, word)
				break
			}
		}
	}
	return words
}

// leaves are all commands.
func leaves(t *testing.T) (names []string) {
	t.Helper()
	parser, err := kong.New(&cli{}, kong.Vars{"version": "", "dashboard": ""})
	require.NoError(t, err)
	for _, leaf := range parser.Model.Leaves(true) {
		names = append(names, strings.TrimPrefix(leaf.FullPath(), parser.Model.Name+" "))
	}
	require.Contains(t, names, "dead redrive")
	return names
}

// A reader that leaves, as head does, is no failure to speak of.
func TestAReaderThatLeaves(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.PlantDead(1)
	for _, line := range []string{"status", "status --watch", "dead list", "dead list --json", "--help"} {
		reader, writer, err := os.Pipe()
		require.NoError(t, err)
		require.NoError(t, reader.Close())
		var stderr output
		args := append([]string{"--nats-url", b.Broker.URL()}, strings.Fields(line)...)
		require.Equal(t, 141, execute(t.Context(), args, writer, &stderr), "%s: %s", line, stderr.String())
		require.Empty(t, stderr.String())
		require.NoError(t, writer.Close())
	}
}

func TestNoPasswordIsPrinted(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"nats://svc:s3cret,rest@broker.example:4222", "nats://a.example:4222,nats://svc:s3cret,x@b.example", "svc:s3cret,x@b.example", "nats://svc:s3cret"} {
		for _, command := range leaves(t) {
			_, stdout, stderr := console(t, url, strings.Fields(command)...)
			require.NotContains(t, stdout+stderr, "s3cret", command)
		}
	}
	var out output
	require.Equal(t, exitUsage, execute(t.Context(), []string{"status", "--nats-user=me", "--nats-password", "-s3cret"}, &out, &out))
	require.NotContains(t, out.String(), "s3cret")
}

// A broker that is too old is named at once, however long a command would wait
// for one, and also when it takes the place of another while the command runs.
func TestABrokerThatIsTooOld(t *testing.T) {
	t.Parallel()
	url := brokertest.StartVersion(t, "127.0.0.1:0", "2.10.29")
	for _, line := range []string{"setup", "status", "status --watch", "send 1", "drain --timeout 1h", "verify", "dead list", "pause REQUESTS", "reset --yes", "trace " + contract.NewID(), "dashboard --listen 127.0.0.1:0"} {
		code, stdout, stderr := console(t, url, append(strings.Fields(line), "--wait", "1h")...)
		require.Equal(t, exitFailed, code, line)
		require.Empty(t, stdout, line)
		require.Regexp(t, `^console: the broker at \S+ is too old: it runs nats-server 2\.10\.29, but .* needs 2\.14; upgrade it to 2\.14 or newer\n$`, stderr, line)
	}
}

func TestABrokerThatIsReplacedByOneThatIsTooOld(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"status --watch", "dashboard --listen 127.0.0.1:0"} {
		b := testbed.Start(t)
		address := strings.TrimPrefix(b.Broker.URL(), "nats://")
		var out, stderr output
		ended := make(chan int, 1)
		go func() {
			ended <- execute(t.Context(), append([]string{"--nats-url", b.Broker.URL(), "--wait", "1h"}, strings.Fields(line)...), &out, &stderr)
		}()
		b.Eventually(func() bool { return out.String() != "" && b.Broker.Server().NumClients() > 1 }, "it runs")
		b.Broker.Stop()
		brokertest.StartVersion(t, address, "2.10.29")
		b.Eventually(func() bool { return len(ended) > 0 }, "it ends")
		require.Equal(t, exitFailed, <-ended, line)
		require.Contains(t, stderr.String(), "nats-server 2.10.29", line)
	}
}

// Also the widest numbers fit a terminal of 80 columns.
func TestStatusFitsTheUsualTerminal(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	s, err := service.New(topology.Generator, b.Conn, b.Log(), time.Second)
	require.NoError(t, err)
	s.ReportCounts(func() map[string]int64 {
		return map[string]int64{"answered": 9_999_999, "received": 9_999_999, "published": 9_999_999, "redelivered": 9_999}
	})
	done(t, b.Broker.URL(), "pause", "receipts")
	for line := range strings.Lines(done(t, b.Broker.URL(), "status")) {
		require.LessOrEqual(t, len(strings.TrimSuffix(line, "\n")), 80, line)
	}
}
