package dashboard_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/dashboard"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/console/trace"
	"decoupled.example/shared/contract"
)

// patience bounds every wait. No test waits for it unless it fails.
const patience = 60 * time.Second

// serve serves a dashboard of the bed until the test ends, and returns its
// address.
func serve(t *testing.T, b *testbed.Bed, o dashboard.Options) string {
	t.Helper()
	return serveAt(t, b, "127.0.0.1:0", o)
}

func serveAt(t *testing.T, b *testbed.Bed, at string, o dashboard.Options) string {
	t.Helper()
	listener, err := dashboard.Listen(at, false)
	require.NoError(t, err)
	serveOn(t, b, listener, o)
	return "http://" + listener.Addr().String()
}

func serveOn(t *testing.T, b *testbed.Bed, listener net.Listener, o dashboard.Options) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background()) // ended by the cleanup
	ended := make(chan error, 1)
	go func() { ended <- dashboard.New(b.JS, b.Topology, o, b.Log()).Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
}

// fragment is an event of the stream.
type fragment struct{ ID, HTML string }

// watch reads the stream and gives each fragment to what returns true when it has
// seen enough.
func watch(t *testing.T, address, query string, seen func(fragment) bool) {
	t.Helper()
	watchWith(t, http.DefaultClient, address, query, seen)
}

func watchWith(t *testing.T, client *http.Client, address, query string, seen func(fragment) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/events"+query, http.NoBody)
	require.NoError(t, err)
	answer, err := client.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if lines.Text() == "" || lines.Text() == "event: fragment" {
			continue
		}
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		require.True(t, ok, "not a line of this stream: %q", lines.Text())
		var f fragment
		require.NoError(t, json.Unmarshal([]byte(data), &f))
		require.Contains(t, f.HTML, `id="`+f.ID+`"`, "a fragment is the element that it replaces")
		if seen(f) {
			return
		}
	}
	require.NoError(t, lines.Err(), "the stream ended before what was waited for came")
	require.Fail(t, "the stream ended")
}

// get returns a page and its headers.
func get(t *testing.T, address string) (int, string, http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	require.NoError(t, err)
	return send(t, request)
}

// post sends a form, as a browser does that is at the page; headers may say
// otherwise.
func post(t *testing.T, address string, form url.Values, headers ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		if request.Header.Set(headers[i], headers[i+1]); headers[i] == "Host" {
			request.Host = headers[i+1]
		}
	}
	status, body, _ := send(t, request)
	return status, body
}

func send(t *testing.T, request *http.Request) (int, string, http.Header) {
	t.Helper()
	client := http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(body), answer.Header
}

func TestThePageIsWholeWithoutItsScript(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	address := serve(t, b, dashboard.Options{})
	status, page, header := get(t, address)
	require.Equal(t, http.StatusOK, status)
	for _, id := range []string{"state", "verdict", "note", "service-asked", "queue-REQUESTS", "queue-RESPONSES", "queue-RECEIPTS", "chart", "latency", "requests", "letters"} {
		require.Contains(t, page, `id="`+id+`"`)
	}
	require.NotContains(t, page, "<script>", "no code in the page")
	require.NotContains(t, page, "style=", "no style in the page")
	require.Contains(t, header.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'")
	for _, asset := range []string{"script.js", "style.css", "icon.svg"} {
		require.Contains(t, page, "/assets/"+asset)
		status, _, _ = get(t, address+"/assets/"+asset)
		require.Equal(t, http.StatusOK, status)
	}
	status, _, _ = get(t, address+"/?window=7m")
	require.Equal(t, http.StatusBadRequest, status)
}

func TestTheStreamSendsAllAndThenWhatChanged(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	address := serve(t, b, dashboard.Options{})
	counts := make(map[string]int)
	sent := false
	last := make(map[string]string)
	watch(t, address, "?window=5m", func(f fragment) bool {
		require.NotEqual(t, last[f.ID], f.HTML, "%s was sent although it had not changed", f.ID)
		last[f.ID] = f.HTML
		counts[f.ID]++
		if counts["state"] == 3 && !sent {
			sent = true
			require.Len(t, counts, 15, "all fragments have come")
			require.LessOrEqual(t, counts["queue-RECEIPTS"], 2, "the empty ones, and as they are")
			status, _ := post(t, address+"/send", url.Values{"n": {"100"}})
			require.Equal(t, http.StatusSeeOther, status)
		}
		return f.ID == "queue-REQUESTS" && strings.Contains(f.HTML, `<p class="depth short">100</p>`)
	})
	require.Contains(t, last["chart"], "last 5 minutes")
	require.LessOrEqual(t, counts["queue-RECEIPTS"], 2, "nothing came into it")
}

func TestLife_ReportsWhyItIsUnknown(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	address := serve(t, b, dashboard.Options{})
	for id, why := range map[string]string{contract.NewID(): trace.ErrUnknown.Error(), "%3Cscript%3E": "is not a UUIDv7"} {
		status, page, _ := get(t, address+"/request/"+id)
		require.Equal(t, http.StatusNotFound, status)
		require.Contains(t, page, why)
		require.NotContains(t, page, "<script>")
	}
}

func TestWarningOfAnAddressThatOthersReach(t *testing.T) {
	t.Parallel()
	loopback, all := &net.TCPAddr{IP: net.IPv6loopback, Port: 1}, &net.TCPAddr{IP: net.IPv4zero, Port: 8080}
	require.Empty(t, dashboard.Warning(loopback, false))
	require.Contains(t, dashboard.Warning(all, false), "may send, pause, redrive and discard")
	require.NotContains(t, dashboard.Warning(all, true), "may send")
}

func TestATakenPort(t *testing.T) {
	t.Parallel()
	first, err := dashboard.Listen("127.0.0.1:0", false)
	require.NoError(t, err)
	defer first.Close()
	_, err = dashboard.Listen(first.Addr().String(), false)
	require.ErrorContains(t, err, first.Addr().String())
	second, err := dashboard.Listen(first.Addr().String(), true)
	require.NoError(t, err)
	defer second.Close()
	require.NotEqual(t, first.Addr().String(), second.Addr().String())
}
