package service_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/service"
)

const (
	// patience bounds every wait. It is generous because a loaded machine is
	// slow, and because some lines come after seconds by design.
	patience = 60 * time.Second
	tick     = 10 * time.Millisecond
)

// options are those of a service as a program would define them.
type options struct {
	service.Settings
	Rate float64 `env:"RATE" default:"1" help:"Requests a second."`
}

// booted is a real program that runs in this process.
type booted struct {
	t    *testing.T
	log  *lines
	stop context.CancelFunc // what SIGTERM does
	code <-chan int
}

type run = func(context.Context, *service.Service) error

// boot starts a program that logs JSON, and stops it when the test ends.
func boot(t *testing.T, run run, args ...string) *booted {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	code := make(chan int, 1)
	b := &booted{t: t, log: &lines{}, stop: stop, code: code}
	var o options
	program := service.Program{Name: "tester", About: "Is tested.", Options: &o, Run: run}
	var ended sync.WaitGroup
	ended.Go(func() { code <- program.Execute(ctx, args, b.log, b.log) })
	t.Cleanup(func() {
		stop()
		ended.Wait()
		if t.Failed() {
			t.Logf("log of the program:\n%s", b.log)
		}
	})
	return b
}

// idle is the Run of a program that has nothing to do.
func idle(ctx context.Context, _ *service.Service) error {
	<-ctx.Done()
	return nil
}

// exit waits for the program's end, and returns its code.
func (b *booted) exit() int {
	b.t.Helper()
	select {
	case code := <-b.code:
		return code
	case <-time.After(patience):
		require.FailNow(b.t, "the program did not end", "%s", b.log)
		return -1
	}
}

// await waits until a line that contains all the words is logged.
func (b *booted) await(words ...string) string {
	b.t.Helper()
	return b.log.await(b.t, words...)
}

// url is where the program serves health and metrics.
func (b *booted) url(path string) string {
	b.t.Helper()
	line := b.await("health and metrics are served at")
	_, address, _ := strings.Cut(message(b.t, line), "http://")
	return "http://" + address + path
}

// get returns the answer of the program's health server.
func (b *booted) get(path string) (status int, body string) {
	b.t.Helper()
	return get(b.t.Context(), b.url(path))
}

// awaitStatus waits until a path of the health server answers with a status.
func (b *booted) awaitStatus(path string, status int) {
	b.t.Helper()
	url := b.url(path)
	require.Eventually(b.t, func() bool {
		got, _ := get(b.t.Context(), url)
		return got == status
	}, patience, tick, "%s did not become %d", path, status)
}

// get returns status 0 and the error where there is no answer.
func get(ctx context.Context, url string) (status int, body string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err.Error()
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(content)
}

func message(t *testing.T, line string) string {
	t.Helper()
	var entry struct {
		Message string `json:"message"`
	}
	require.NoError(t, json.Unmarshal([]byte(line), &entry), line)
	return entry.Message
}

// lines is an output that a test reads while it is written.
type lines struct {
	mu      sync.Mutex
	content bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.content.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.content.String()
}

// with returns the lines that contain all the words.
func (l *lines) with(words ...string) []string {
	var found []string
next:
	for line := range strings.Lines(l.String()) {
		for _, word := range words {
			if !strings.Contains(line, word) {
				continue next
			}
		}
		found = append(found, line)
	}
	return found
}

func (l *lines) await(t *testing.T, words ...string) string {
	t.Helper()
	var found []string
	require.Eventually(t, func() bool {
		found = l.with(words...)
		return len(found) > 0
	}, patience, tick, "no line with %q", words)
	return found[0]
}

// users starts a broker that only these may use. Reload gives it others
// without a restart, as an operator does.
func users(t *testing.T, first ...*server.User) (b *brokertest.Broker, reload func(...*server.User)) {
	t.Helper()
	var kept server.Options
	b = brokertest.Start(t, func(o *server.Options) {
		o.JetStream = false
		o.Users = first
		kept = *o
	})
	return b, func(users ...*server.User) {
		t.Helper()
		changed := kept
		changed.Users = users
		require.NoError(t, b.Server().ReloadOptions(&changed))
	}
}

// core is a broker without JetStream, which nothing here needs.
func core(o *server.Options) { o.JetStream = false }
