package main

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/topology"
)

// The demo's dashboard scales its services, and the demo's end finds everything
// as it should be.
func TestTheDemosDashboardScales(t *testing.T) {
	t.Parallel()
	const patience = time.Minute
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var out, errors output
	ended := make(chan int, 1)
	go func() {
		ended <- execute(ctx, []string{"--rate", "50", "--dashboard", "127.0.0.1:0", "--port", "0"}, &out, &errors)
	}()
	address := regexp.MustCompile(`Dashboard at (http://[0-9.:]+)\n`)
	require.Eventually(t, func() bool { return address.MatchString(out.String()) }, patience, 10*time.Millisecond)
	at := address.FindStringSubmatch(out.String())[1]
	shows := func(text string) {
		t.Helper()
		require.Eventually(t, func() bool { return strings.Contains(get(t, at), text) }, patience, 50*time.Millisecond, text)
	}
	act := func(path, form string) {
		t.Helper()
		values, err := url.ParseQuery(form)
		require.NoError(t, err)
		answer, err := http.PostForm(at+path, values)
		require.NoError(t, err)
		answer.Body.Close()
		require.Equal(t, http.StatusOK, answer.StatusCode) // of the page that it leads to
	}
	shows(`aria-label="2 alive"`)
	act("/crash", "service="+topology.Generator)
	shows("a generator was killed with messages in flight")
	shows(`<section id="service-generated" class="service" aria-label="generator, makes a string">
<h2>generator</h2>
<p class="does">makes a string</p>
<ul class="replicas" aria-label="1 alive">`)
	act("/scale", "by=-1&service="+topology.Generator)
	shows("nobody")
	act("/scale", "by=1&service="+topology.Generator)
	act("/crash", "service="+topology.Requestor)
	act("/crash", "service="+topology.Requestor)
	shows("cannot kill a requestor: there is none")
	interrupt()
	require.Zero(t, <-ended, out.String())
}

func get(t *testing.T, address string) string {
	t.Helper()
	answer, err := http.Get(address)
	require.NoError(t, err)
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(page)
}
