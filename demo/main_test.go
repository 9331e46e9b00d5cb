package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/credentials"
	"decoupled.example/console/depth"
	"decoupled.example/console/setup"
	"decoupled.example/demo/broker"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

// output collects what a running demo writes. It may be read meanwhile.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// demo runs the demo until it ends and returns its exit code and what it wrote.
func demo(ctx context.Context, t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errors output
	code = execute(ctx, args, &out, &errors)
	return code, out.String(), errors.String()
}

// figure is the number behind a word of the tally.
func figure(t *testing.T, tally, word string) int {
	t.Helper()
	found := regexp.MustCompile(`(?m)^  ` + word + ` +(\d+)`).FindStringSubmatch(tally)
	require.NotNil(t, found, "no %q in:\n%s", word, tally)
	n, err := strconv.Atoi(found[1])
	require.NoError(t, err)
	return n
}

func TestDemoProvesThatNothingWasLost(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := demo(t.Context(), t, "--duration", "3s", "--rate", "500", "--generators", "3")
	require.Zero(t, code, "%s\n%s", stdout, stderr)
	asked := figure(t, stdout, "asked")
	require.Greater(t, asked, 100)
	for _, word := range []string{"generated", "stored", "received"} {
		require.Equal(t, asked, figure(t, stdout, word))
	}
	// Some may be redelivered: what a requestor had not begun when it was replaced.
	for _, word := range []string{"dead-lettered", "lost", "duplicated", "left"} {
		require.Zero(t, figure(t, stdout, word), word)
	}
	require.Contains(t, stdout, "OK: nothing was lost")
	require.Regexp(t, `(?m)^0:0\d  REQUESTS \d+ .* requestors 1  generators 3  dead 0$`, stdout, "a plain line a second")
	require.NotContains(t, stdout, "\x1b[", "no terminal, no escape sequences")
}

func TestDemoCountsDeadLetters(t *testing.T) {
	t.Parallel()
	code, stdout, _ := demo(t.Context(), t, "--duration", "2s", "--rate", "300", "--fail", "0.05")
	require.Zero(t, code, stdout)
	require.Positive(t, figure(t, stdout, "dead-lettered"))
	require.Zero(t, figure(t, stdout, "lost"))
}

func TestDemoWithoutGeneratorsFails(t *testing.T) {
	t.Parallel()
	code, stdout, _ := demo(t.Context(), t, "--duration", "1s", "--generators", "0", "--drain", "1s")
	require.Equal(t, exitFailed, code, stdout)
	require.Equal(t, figure(t, stdout, "asked"), figure(t, stdout, "left"))
	require.Contains(t, stdout, "not drained")
	require.Contains(t, stdout, "FAILED")
}

func TestSignalEndsTheDemoInOrder(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	var out, errors output
	ended := make(chan int)
	go func() { ended <- execute(ctx, []string{"--rate", "200"}, &out, &errors) }()
	finished := regexp.MustCompile(`received [1-9]`) // in the line of any second
	require.Eventually(t, func() bool { return finished.MatchString(out.String()) }, time.Minute, 10*time.Millisecond)
	interrupt()
	require.Zero(t, <-ended, out.String())
	require.Contains(t, out.String(), "OK: nothing was lost")
}

func TestDemo_ContinuesWithItsData(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	_, first, _ := demo(t.Context(), t, "--duration", "1s", "--data", dir)
	code, second, _ := demo(t.Context(), t, "--duration", "1s", "--data", dir, "--sync", "always")
	require.Zero(t, code, second)
	require.Greater(t, figure(t, second, "asked"), figure(t, first, "asked"))
}

// Only who logs in as the requestor gets what is sent to the requestor, so each
// program does log in as its own user where all of it works.
func TestDemoWithCredentials(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "credentials")
	ctx, interrupt := context.WithCancel(t.Context())
	var out, errors output
	ended := make(chan int)
	go func() {
		ended <- execute(ctx, []string{"--rate", "200", "--dashboard", "", "--credentials", dir}, &out, &errors)
	}()
	finished := regexp.MustCompile(`received [1-9]`)
	require.Eventually(t, func() bool { return finished.MatchString(out.String()) }, time.Minute, 10*time.Millisecond)

	url := regexp.MustCompile(`Broker at (nats://\S+)\.`).FindStringSubmatch(out.String())
	require.NotNil(t, url, out.String())
	_, err := nats.Connect(url[1])
	require.ErrorIs(t, err, nats.ErrAuthorization)
	observer := service.Broker{URL: url[1], User: credentials.Observer, PasswordFile: filepath.Join(dir, credentials.Observer, credentials.PasswordFile)}
	conn, err := service.Connect(ctx, zerolog.Nop(), observer, credentials.Observer)
	require.NoError(t, err)
	defer conn.Close()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	_, err = depth.Read(ctx, js)
	require.NoError(t, err)

	interrupt()
	require.Zero(t, <-ended, out.String())
	require.Contains(t, out.String(), "--nats-password-file "+filepath.Join(dir, credentials.Operator))
	require.Contains(t, out.String(), "OK: nothing was lost")
	folder, err := os.Stat(dir)
	require.NoError(t, err)
	require.Zero(t, folder.Mode().Perm()&0o077, "nobody else gets there")
}

func TestTakenPort(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	code, _, stderr := demo(t.Context(), t, "--duration", "1s", "--port", port)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, ":"+port)
	require.Contains(t, stderr, "in use")
}

// Whether or not something else has the default port now, two demos cannot both
// have it, and both must run.
func TestTakenDefaultPort(t *testing.T) {
	t.Parallel()
	// Other tests take it for a while; who has it for longer than that does as well.
	for begun := time.Now(); time.Since(begun) < time.Minute; <-time.After(10 * time.Millisecond) {
		holder, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", broker.DefaultPort))
		if err == nil {
			defer holder.Close()
			break
		}
	}
	code, stdout, stderr := demo(t.Context(), t, "--duration", "1s")
	require.Zero(t, code, stderr)
	require.Contains(t, stdout, "Port 4222 is taken")
}

func TestUnwritableDataFolder(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	code, _, stderr := demo(t.Context(), t, "--duration", "1s", "--data", filepath.Join(file, "below"))
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, file)

	code, _, stderr = demo(t.Context(), t, "--duration", "1s", "--credentials", filepath.Join(file, "below"))
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "for credentials")
}

// A difference is an error, also one that could be changed safely, and also
// beside one that the demo's flags explain.
func TestDataOfAnotherConfigurationIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := startBroker(t, dir)
	nc, err := nats.Connect(b.URL())
	require.NoError(t, err)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	_, err = setup.Apply(t.Context(), js, topology.Settings{MaxBytes: 1 << 20})
	require.NoError(t, err)
	nc.Close()
	b.Stop()

	for _, sync := range []string{"1s", "always"} {
		code, _, stderr := demo(t.Context(), t, "--duration", "1s", "--data", dir, "--sync", sync)
		require.Equal(t, exitFailed, code)
		require.Contains(t, stderr, "REQUESTS: max_bytes is 1048576, should be 1073741824")
	}
}

// Two servers on one store would ruin it.
func TestDataOfARunningDemoIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := startBroker(t, dir)
	code, _, stderr := demo(t.Context(), t, "--duration", "1s", "--data", dir)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, dir)
	require.Contains(t, stderr, "in use by another demo")

	b.Stop()
	code, _, stderr = demo(t.Context(), t, "--duration", "1s", "--data", dir)
	require.Zero(t, code, stderr)
}

func startBroker(t *testing.T, dir string) *broker.Broker {
	t.Helper()
	b, err := broker.Start(broker.Options{Dir: dir, Sync: time.Second}, service.NewLog(&output{}, service.Logging{}, "test"))
	require.NoError(t, err)
	t.Cleanup(b.Stop)
	return b
}

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	for args, named := range map[string]string{
		"--rate=-1":        "--rate",
		"--rate=NaN":       "--rate",
		"--generators=-1":  "--generators",
		"--fail=2":         "--fail",
		"--port=70000":     "--port",
		"--sync=sometimes": "--sync",
		"--drain=0s":       "--drain",
		"--what":           "--what",
	} {
		code, _, stderr := demo(t.Context(), t, args)
		require.Equal(t, exitUsage, code, args)
		require.Contains(t, stderr, named)
	}
}
