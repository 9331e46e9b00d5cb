package dashboard_test

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/dashboard"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/console/letters"
	"decoupled.example/shared/topology"
)

func TestActions(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	address := serve(t, b, dashboard.Options{})
	do := func(path string, form url.Values) {
		t.Helper()
		status, body := post(t, address+path, form)
		require.Equal(t, http.StatusSeeOther, status, body)
	}
	note := func() string {
		t.Helper()
		_, page, _ := get(t, address)
		_, note, _ := strings.Cut(page, `<p id="note"`)
		note, _, _ = strings.Cut(note, "</p>")
		return note
	}
	paused := func(queue, consumer string) bool {
		c, err := b.JS.Consumer(b.Context(), queue, consumer)
		require.NoError(t, err)
		return c.CachedInfo().Paused
	}

	do("/send", url.Values{"n": {"25"}})
	require.Contains(t, note(), "sent 25 requests")
	require.EqualValues(t, 25, b.Messages(topology.Requests))

	do("/pause", url.Values{"queue": {topology.Responses}})
	require.Contains(t, note(), "RESPONSES is paused")
	require.True(t, paused(topology.Responses, topology.Requestor))
	do("/resume", url.Values{"queue": {topology.Responses}})
	require.False(t, paused(topology.Responses, topology.Requestor))

	stop := b.Services()
	do("/drain", nil)
	require.Contains(t, note(), "drained after")
	do("/verify", nil)
	require.Contains(t, note(), "verified, OK: 25 complete, 0 lost")

	do("/malformed", nil)
	b.Eventually(func() bool { return b.Messages(topology.DeadLetters) == 1 }, "it is set aside")
	do("/redrive", url.Values{"letter": {"all"}})
	require.Contains(t, note(), "redriven: 1")
	b.Eventually(func() bool { return b.Messages(topology.DeadLetters) == 1 }, "it is set aside again")
	id := letterID(t, b, 2)
	do("/redrive", url.Values{"letter": {id}})
	require.Contains(t, note(), "dead letter "+id+" is redriven")
	b.Eventually(func() bool { return b.Messages(topology.DeadLetters) == 1 }, "it is set aside once more")
	stop()
	id = letterID(t, b, 3)
	do("/discard", url.Values{"letter": {id}})
	require.Contains(t, note(), "dead letter "+id+" is discarded")
	require.Zero(t, b.Messages(topology.DeadLetters))
	do("/discard", url.Values{"letter": {id}})
	require.Contains(t, note(), "no such dead letter")

	b.SetAside(3)
	do("/discard", url.Values{"letter": {"all"}})
	require.Contains(t, note(), "discarded: 3")
	require.Zero(t, b.Messages(topology.DeadLetters))
}

func TestEachPressOfScaleCounts(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	services := &fleets{bed: b}
	address := serve(t, b, dashboard.Options{Fleets: services})
	press := func(by string, times int) {
		var presses sync.WaitGroup
		for range times {
			presses.Go(func() {
				answer, err := http.PostForm(address+"/scale", url.Values{"service": {topology.Generator}, "by": {by}})
				if err == nil {
					answer.Body.Close()
				}
			})
		}
		presses.Wait()
	}
	press("1", 4)
	require.Equal(t, 4, services.Replicas(topology.Generator))
	press("-1", 4)
	require.Zero(t, services.Replicas(topology.Generator))
	press("-1", 1)
	_, page, _ := get(t, address)
	require.Contains(t, page, "from 0 to 32 replicas")
}

// Whoever was started with more than fit can still be made fewer.
func TestThereIsAWayBackFromTooManyReplicas(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	many := &crowd{n: 40}
	address := serve(t, b, dashboard.Options{Fleets: many})
	for by, want := range map[string]string{"-1": "generator: 39", "1": "from 0 to 32 replicas"} {
		status, _ := post(t, address+"/scale", url.Values{"service": {topology.Generator}, "by": {by}})
		require.Equal(t, http.StatusSeeOther, status)
		_, page, _ := get(t, address)
		require.Contains(t, page, want)
	}
	require.Equal(t, 39, many.Replicas(topology.Generator))
}

// What was begun is finished before Serve returns, and what waits for its turn is
// not begun any more: who ended the dashboard relies on it.
func TestAfterTheEndNothingIsDone(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	slow := &crowd{begun: make(chan struct{}, 8), end: make(chan struct{})}
	listener, err := dashboard.Listen("127.0.0.1:0", false)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan int, 1)
	go func() {
		if dashboard.New(b.JS, b.Topology, dashboard.Options{Fleets: slow}, b.Log()).Serve(ctx, listener) == nil {
			ended <- slow.Replicas(topology.Generator)
		}
		close(ended)
	}()
	var presses, sent sync.WaitGroup
	for range 4 {
		sent.Add(1)
		presses.Go(func() {
			trace := &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { sent.Done() }}
			body := strings.NewReader(url.Values{"service": {topology.Generator}, "by": {"1"}}.Encode())
			request, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodPost, "http://"+listener.Addr().String()+"/scale", body)
			if err != nil {
				return
			}
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if answer, err := http.DefaultClient.Do(request); err == nil {
				answer.Body.Close()
			}
		})
	}
	<-slow.begun
	sent.Wait()
	for range 5 { // by then the others wait for their turn
		get(t, "http://"+listener.Addr().String())
	}
	cancel()
	presses.Wait() // the server has closed their connections
	b.Messages(topology.Requests)
	close(slow.end)
	require.Equal(t, 1, <-ended)
	require.Empty(t, slow.begun, "the others were not begun")
}

func TestFormsThatNoPageSendsAreRefused(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	address := serve(t, b, dashboard.Options{Fleets: &fleets{}})
	for path, form := range map[string]url.Values{
		"/send":    {"n": {"-1"}},
		"/pause":   {"queue": {"DEAD_LETTERS"}},
		"/resume":  {"queue": {""}},
		"/redrive": {"letter": {"the first"}},
		"/discard": {"letter": {"1"}}, // which may be another one by now
		"/scale":   {"service": {"requestor"}, "by": {"100"}},
		"/crash":   {"service": {"broker"}},
	} {
		status, body := post(t, address+path, form)
		require.Equal(t, http.StatusBadRequest, status, path)
		require.Contains(t, body, "wrong usage")
	}
	status, _, _ := get(t, address+"/send")
	require.Equal(t, http.StatusMethodNotAllowed, status)
}

func TestReadOnlyHasNoActions(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	address := serve(t, b, dashboard.Options{ReadOnly: true, Fleets: &fleets{}})
	_, page, _ := get(t, address)
	require.NotContains(t, page, "<form")
	require.NotContains(t, page, "<button")
	for _, path := range []string{"/send", "/malformed", "/pause", "/resume", "/drain", "/verify", "/redrive", "/discard", "/scale", "/crash"} {
		status, body := post(t, address+path, url.Values{"n": {"1"}, "queue": {topology.Requests}, "letter": {"all"}})
		require.Equal(t, http.StatusForbidden, status, path)
		require.Contains(t, body, "read-only")
	}
	require.Zero(t, b.Messages(topology.Requests))
}

func TestOtherSitesCannotAct(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	address := serve(t, b, dashboard.Options{})
	one := url.Values{"n": {"1"}}
	for name, headers := range map[string][]string{
		"another site":             {"Sec-Fetch-Site", "cross-site"},
		"an older browser":         {"Origin", "http://evil.example"},
		"a name that points to us": {"Host", "evil.example:8080"},
	} {
		status, _ := post(t, address+"/send", one, headers...)
		require.Equal(t, http.StatusForbidden, status, name)
	}
	require.Zero(t, b.Messages(topology.Requests))
	port := address[strings.LastIndex(address, ":"):]
	status, _ := post(t, address+"/send", one, "Host", "localhost"+port, "Sec-Fetch-Site", "same-origin")
	require.Equal(t, http.StatusSeeOther, status)
	require.EqualValues(t, 1, b.Messages(topology.Requests))
}

// In a container it listens to all; outside of it only the loopback interface
// leads there, and any site may have a name that points to that.
func TestLocalOnly(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	one := url.Values{"n": {"1"}}
	for local, want := range map[bool]int{true: http.StatusForbidden, false: http.StatusSeeOther} {
		address := serveAt(t, b, ":0", dashboard.Options{LocalOnly: local})
		port := address[strings.LastIndex(address, ":"):]
		status, _ := post(t, "http://127.0.0.1"+port+"/send", one, "Host", "evil.example"+port)
		require.Equal(t, want, status, "local only: %v", local)
		status, _ = post(t, "http://127.0.0.1"+port+"/send", one)
		require.Equal(t, http.StatusSeeOther, status)

		probe, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1"+port+"/livez", http.NoBody)
		require.NoError(t, err)
		probe.Host = "10.0.0.7" + port // as whoever looks after pods does
		status, _, _ = send(t, probe)
		require.Equal(t, http.StatusOK, status)
	}
}

// A request that was answered before may be redriven only by who knows that.
func TestRedrive_RefusesWhatMayHaveExpired(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t, func(s *topology.Settings) { s.Keep = time.Second })
	address := serve(t, b, dashboard.Options{})
	b.SetAside(1)
	b.Eventually(func() bool { return len(b.Entries(topology.Asked)) == 0 }, "its entry has expired")
	b.SetAside(1) // which "all" redrives nevertheless
	for _, which := range []string{"all", letterID(t, b, 1)} {
		status, body := post(t, address+"/redrive", url.Values{"letter": {which}})
		require.Equal(t, http.StatusSeeOther, status, body)
		_, page, _ := get(t, address)
		require.Contains(t, page, "the ledgers may no longer remember its request")
		require.Contains(t, page, "console dead redrive --expired")
		require.EqualValues(t, 1, b.Messages(topology.DeadLetters))
	}
}

// letterID returns the ID of the dead letter with that sequence.
func letterID(t *testing.T, b *testbed.Bed, sequence uint64) string {
	t.Helper()
	dead, err := letters.Open(b.Context(), b.JS)
	require.NoError(t, err)
	letter, err := dead.Get(b.Context(), sequence)
	require.NoError(t, err)
	return letter.ID
}
