package dashboard_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/dashboard"
	"decoupled.example/console/deadletter"
	"decoupled.example/console/internal/testbed"
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
	b.Eventually(func() bool { return b.Messages(topology.DeadLetters) == 1 }, "it is dead-lettered")
	do("/redrive", url.Values{"letter": {"all"}})
	require.Contains(t, note(), "redriven: 1")
	b.Eventually(func() bool { return b.Messages(topology.DeadLetters) == 1 }, "it is dead-lettered again")
	id := letterID(t, b, 2)
	do("/redrive", url.Values{"letter": {id}})
	require.Contains(t, note(), "dead letter "+id+" is redriven")
	b.Eventually(func() bool { return b.Messages(topology.DeadLetters) == 1 }, "it is dead-lettered once more")
	stop()
	id = letterID(t, b, 3)
	do("/discard", url.Values{"letter": {id}})
	require.Contains(t, note(), "dead letter "+id+" is discarded")
	require.Zero(t, b.Messages(topology.DeadLetters))
	do("/discard", url.Values{"letter": {id}})
	require.Contains(t, note(), "no such dead letter")

	b.PlantDead(3)
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
func TestScale_CanReturnFromTooManyReplicas(t *testing.T) {
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

// actions are the paths of all actions of the page.
var actions = []string{"/send", "/malformed", "/pause", "/resume", "/drain", "/verify", "/redrive", "/discard", "/scale", "/crash"}

func TestReadOnlyHasNoActions(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	address := serve(t, b, dashboard.Options{ReadOnly: true, Fleets: &fleets{}})
	_, page, _ := get(t, address)
	require.NotContains(t, page, "<form")
	require.NotContains(t, page, "<button")
	for _, path := range actions {
		status, body := post(t, address+path, url.Values{"n": {"1"}, "queue": {topology.Requests}, "letter": {"all"}})
		require.Equal(t, http.StatusForbidden, status, path)
		require.Contains(t, body, "read-only")
	}
	require.Zero(t, b.Messages(topology.Requests))
}

func TestServer_RefusesEveryActionOfAnotherSite(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	address := serve(t, b, dashboard.Options{})
	one := url.Values{"n": {"1"}}
	for name, headers := range map[string][]string{
		"another site":             {"Sec-Fetch-Site", "cross-site"},
		"an older browser":         {"Origin", "http://evil.example"},
		"a name that points to us": {"Host", "evil.example:8080"},
	} {
		for _, path := range actions {
			status, _ := post(t, address+path, one, headers...)
			require.Equal(t, http.StatusForbidden, status, "%s: %s", name, path)
		}
	}
	require.Zero(t, b.Messages(topology.Requests))
	port := address[strings.LastIndex(address, ":"):]
	status, _ := post(t, address+"/send", one, "Host", "localhost"+port, "Sec-Fetch-Site", "same-origin")
	require.Equal(t, http.StatusSeeOther, status)
	require.EqualValues(t, 1, b.Messages(topology.Requests))
}

// Any site can let its own name point to the dashboard, wherever that listens; an
// address, localhost, and a name that it was told cannot be a site's.
func TestServer_ServesOnlyAllowedHostNames(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	one := url.Values{"n": {"1"}}
	for _, listen := range []string{"127.0.0.1:0", ":0"} {
		address := serveAt(t, b, listen, dashboard.Options{AllowedHosts: []string{"dashboard", "Board.Example.com"}})
		port := address[strings.LastIndex(address, ":"):]
		for host, want := range map[string]int{
			"127.0.0.1" + port:         http.StatusSeeOther,
			"192.0.2.7":                http.StatusSeeOther,
			"[::1]" + port:             http.StatusSeeOther,
			"[2001:db8::7]":            http.StatusSeeOther,
			"localhost" + port:         http.StatusSeeOther,
			"LocalHost":                http.StatusSeeOther,
			"dashboard" + port:         http.StatusSeeOther,
			"dashboard.:80":            http.StatusSeeOther,
			"board.example.com":        http.StatusSeeOther,
			"evil.example" + port:      http.StatusForbidden,
			"127.0.0.1.evil.example":   http.StatusForbidden,
			"localhost.evil.example":   http.StatusForbidden,
			"dashboard.evil.example":   http.StatusForbidden,
			"sub.board.example.com":    http.StatusForbidden,
			"dashboard..":              http.StatusForbidden,
			"2130706433.evil.example:": http.StatusForbidden,
		} {
			status, body := post(t, "http://127.0.0.1"+port+"/send", one, "Host", host)
			require.Equal(t, want, status, "%s at %s", host, listen)
			if want == http.StatusForbidden {
				require.Contains(t, body, "--allowed-host")
			}
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1"+port, http.NoBody)
		require.NoError(t, err)
		request.Host = "evil.example"
		status, _, _ := send(t, request)
		require.Equal(t, http.StatusForbidden, status, "nor may it look")
		request.URL.Path = "/livez"
		status, _, _ = send(t, request)
		require.Equal(t, http.StatusOK, status, "a health check may")
	}
}

func TestEachActionIsLogged(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.PlantDead(1)
	var log logged
	address := serveLogging(t, b, dashboard.Options{Fleets: &crowd{}}, &log)
	hostile := "x\n\x1b[2J" + strings.Repeat("y", 100)
	for _, act := range []struct {
		path string
		form url.Values
		want map[string]string
	}{
		{"send", url.Values{"n": {"3"}}, map[string]string{"target": "n=3", "outcome": "done", "detail": "sent 3 requests"}},
		{"pause", url.Values{"queue": {topology.Requests}}, map[string]string{"target": "queue=REQUESTS", "outcome": "done"}},
		{"pause", url.Values{"queue": {hostile}}, map[string]string{"target": "queue=" + hostile[:60], "outcome": "refused"}},
		{"discard", url.Values{"letter": {"all"}}, map[string]string{"target": "letter=all", "outcome": "done"}},
		{"discard", url.Values{"letter": {"99-deadbeef"}}, map[string]string{"target": "letter=99-deadbeef", "outcome": "failed"}},
		{"scale", url.Values{"service": {topology.Generator}, "by": {"1"}}, map[string]string{"target": "service=generator by=1", "outcome": "done"}},
	} {
		log.text.Reset()
		post(t, address+"/"+act.path, act.form)
		lines := strings.Split(strings.TrimSpace(log.text.String()), "\n")
		require.Len(t, lines, 1, "one line: %s", log.text.String())
		var line map[string]string
		require.NoError(t, json.Unmarshal([]byte(lines[0]), &line), lines[0])
		require.Equal(t, "dashboard action", line["message"])
		require.Equal(t, "info", line["level"])
		require.Equal(t, act.path, line["action"])
		require.Regexp(t, `^127\.0\.0\.1:\d+$`, line["remote"])
		require.NotEmpty(t, line["detail"])
		for field, want := range act.want {
			require.Equal(t, want, line[field], lines[0])
		}
	}
	log.text.Reset()
	address = serveLogging(t, b, dashboard.Options{ReadOnly: true}, &log)
	post(t, address+"/send", url.Values{"n": {"1"}})
	require.Contains(t, log.text.String(), `"outcome":"refused","detail":"this dashboard is read-only"`)
}

// logged is a log. Each of its lines is there before the answer.
type logged struct{ text bytes.Buffer }

func serveLogging(t *testing.T, b *testbed.Bed, o dashboard.Options, log *logged) string {
	t.Helper()
	listener, err := dashboard.Listen("127.0.0.1:0", false)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background()) // ended by the cleanup
	ended := make(chan error, 1)
	go func() {
		ended <- dashboard.New(b.JS, b.Topology, o, zerolog.New(&log.text).Level(zerolog.InfoLevel)).Serve(ctx, listener)
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return "http://" + listener.Addr().String()
}

// A request that was answered before may be redriven only by who knows that.
func TestRedrive_RefusesWhatMayHaveExpired(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t, func(s *topology.Settings) { s.Keep = time.Second })
	address := serve(t, b, dashboard.Options{})
	b.PlantDead(1)
	b.Eventually(func() bool { return len(b.Entries(topology.Asked)) == 0 }, "its entry has expired")
	b.PlantDead(1) // which "all" redrives nevertheless
	for _, which := range []string{"all", letterID(t, b, 1)} {
		status, body := post(t, address+"/redrive", url.Values{"letter": {which}})
		require.Equal(t, http.StatusSeeOther, status, body)
		_, page, _ := get(t, address)
		require.Contains(t, page, "the ledger entries of its request may have expired")
		require.Contains(t, page, "console dead redrive --expired")
		require.EqualValues(t, 1, b.Messages(topology.DeadLetters))
	}
}

// letterID returns the ID of the dead letter with that sequence.
func letterID(t *testing.T, b *testbed.Bed, sequence uint64) string {
	t.Helper()
	dead, err := deadletter.Open(b.Context(), b.JS)
	require.NoError(t, err)
	letter, err := dead.Get(b.Context(), sequence)
	require.NoError(t, err)
	return letter.ID
}
