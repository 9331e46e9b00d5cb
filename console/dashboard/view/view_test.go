package view_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/dashboard/feed"
	"decoupled.example/console/dashboard/view"
	"decoupled.example/console/deadletter"
	"decoupled.example/console/depth"
	"decoupled.example/console/status"
	"decoupled.example/console/trace"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

var update = flag.Bool("update", false, "write the golden files anew")

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const id = "01980000-0000-7000-8000-000000abcdef"

// running is a deployment with something of everything.
func running() feed.Snapshot {
	s := feed.Snapshot{
		At: noon,
		Status: status.Status{
			At: noon,
			Queues: []depth.Depth{
				{Queue: topology.Requests, Messages: 1500, Waiting: 1400, InFlight: 100, Redelivered: 20, Oldest: noon, OldestAge: 90 * time.Second},
				{Queue: topology.Responses, Messages: 40, Waiting: 40, Paused: true, Oldest: noon, OldestAge: 1500 * time.Millisecond},
				{Queue: topology.Receipts},
			},
			Ledgers:     map[string]uint64{topology.Asked: 12345, topology.Generated: 10844, topology.Stored: 10800, topology.Received: 10800},
			DeadLetters: 2,
		},
		Rates: status.Rates{
			Queues:  map[string]status.Flow{topology.Requests: {In: 100.4, Out: 75}, topology.Responses: {In: 75, Out: 0.5}},
			Ledgers: map[string]float64{topology.Asked: 200, topology.Generated: 175, topology.Stored: 175, topology.Received: 100},
		},
		Verdict: feed.Verdict{DeadLetters: 2, Outstanding: 1540},
		Requests: []feed.Request{
			{ID: id, At: [4]time.Time{noon.Add(-time.Second)}},
			{ID: id[:30] + "000001", At: [4]time.Time{noon.Add(-time.Second), noon.Add(-998 * time.Millisecond), noon.Add(-997500 * time.Microsecond), noon.Add(-997 * time.Millisecond)}},
			{ID: id[:30] + "000002", At: [4]time.Time{noon.Add(-time.Hour)}, Dead: true},
		},
		Latency: feed.Latency{
			Requests: 16,
			Whole:    feed.Percentiles{P50: 3 * time.Millisecond, P95: 12 * time.Millisecond, P99: 1200 * time.Millisecond},
			Hops:     [3]feed.Percentiles{{P50: 2 * time.Millisecond, P95: 8 * time.Millisecond, P99: time.Second}, {P50: 500 * time.Microsecond}, {}},
		},
		DeadLetters: []deadletter.Message{
			{ID: "8-9f3a21c4", Sequence: 8, Queue: topology.Requests, RequestID: id, Reason: "this request was chosen to fail", Deliveries: 5, Stored: noon.Add(-time.Minute), Body: []byte(`{"id":"` + id + `"}`), Header: nats.Header{"Content-Type": {"application/json"}}},
			{ID: "7-01234567", Sequence: 7, Queue: "<b>", RequestID: "unknown", Reason: "<script>alert(1)</script>", Stored: noon.Add(-time.Hour), Body: []byte("</pre><img src=x onerror=alert(1)>\x1b[2J"), Header: nats.Header{"\"><svg onload=alert(1)>": {"{{.}}"}}},
		},
	}
	for i := range 3 {
		s.Status.Replicas = append(s.Status.Replicas, service.Status{Service: topology.Generator, Instance: "instance" + string(rune('A'+i)), Started: noon.Add(-time.Hour)})
	}
	s.Status.Replicas[1].Problems = []string{"REQUESTS: backing off for 5s after \"connection refused\"", "<script>alert(2)</script>\x1b[2J"}
	for i := range uint64(60) {
		n := 200 * i
		s.History = append(s.History, feed.Point{At: noon.Add(time.Duration(i)*time.Second - 59*time.Second), Ledgers: [4]uint64{n + 545, n - n/8, n - n/8, n / 2}, Depths: [3]uint64{n / 8, 0, 0}})
	}
	return s
}

func away() feed.Snapshot {
	s := running()
	s.Trouble, s.Lost = nats.ErrDisconnected, noon.Add(-5*time.Second)
	s.Verdict.Lost, s.Verdict.Duplicated = 2, 1
	return s
}

// TestGolden compares whole pages. To look at them in a browser, see the tests of
// package dashboard.
func TestGolden(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		snapshot feed.Snapshot
		note     view.Note
		options  view.Options
	}{
		"empty":    {feed.Snapshot{At: noon}, view.Note{}, view.Options{}},
		"running":  {running(), view.Note{At: noon, Text: "sent 100 requests"}, view.Options{Broker: "nats://127.0.0.1:4222", Fleets: true}},
		"readonly": {running(), view.Note{At: noon, Text: "<script>", Bad: true}, view.Options{ReadOnly: true, Fleets: true}},
		"outage":   {away(), view.Note{}, view.Options{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fragments, err := view.Render(test.snapshot, test.note, test.options)
			require.NoError(t, err)
			var page bytes.Buffer
			require.NoError(t, view.Page(&page, fragments, time.Minute, test.options))
			golden(t, name+".html", page.String())
		})
	}
}

func TestGoldenLife(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	require.NoError(t, view.Life(&page, "<script>", trace.Trace{}, errors.New("cannot trace \"<script>\"")))
	golden(t, "nolife.html", page.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "go test ./console/dashboard/view -update writes it")
	require.Equal(t, string(want), got)
}

func TestTheSameSnapshotRendersTheSame(t *testing.T) {
	t.Parallel()
	first, err := view.Render(running(), view.Note{}, view.Options{})
	require.NoError(t, err)
	second, err := view.Render(running(), view.Note{}, view.Options{})
	require.NoError(t, err)
	require.Equal(t, first, second, "or browsers would be sent what has not changed")
}

func TestAWindowShowsItsMinutes(t *testing.T) {
	t.Parallel()
	s := running()
	s.History = nil
	for i := range 900 {
		s.History = append(s.History, feed.Point{At: noon.Add(time.Duration(i-899) * time.Second), Ledgers: [4]uint64{uint64(i)}})
	}
	fragments, err := view.Render(s, view.Note{}, view.Options{})
	require.NoError(t, err)
	points := make(map[time.Duration]int)
	for _, f := range fragments {
		if f.ID == "chart" {
			_, line, _ := strings.Cut(string(f.HTML), `<polyline class="line l1" points="`)
			line, _, _ = strings.Cut(line, `"`)
			points[f.Window] = len(strings.Fields(line))
		}
	}
	require.Equal(t, 61, points[time.Minute])
	for _, window := range view.Windows[1:] {
		require.InDelta(t, 150, points[window], 2, "as many as can be seen")
	}
}

// What did not change is not sent: the time alone is no change.
func TestAChartThatStandsStillStaysTheSame(t *testing.T) {
	t.Parallel()
	charts := func(s feed.Snapshot) (charts []view.Fragment) {
		fragments, err := view.Render(s, view.Note{}, view.Options{})
		require.NoError(t, err)
		for _, f := range fragments {
			if f.ID == "chart" {
				charts = append(charts, f)
			}
		}
		return charts
	}
	s := running()
	s.History = nil
	begun := noon.Add(-time.Hour)
	for i := range time.Duration(1000) { // a round takes now more, now less
		at := begun.Add(i*time.Second + i%7*40*time.Millisecond)
		s.History = append(s.History, feed.Point{At: at, Ledgers: [4]uint64{9, 8, 8, 7}})
	}
	first := s
	first.History = s.History[:960]
	for n := 961; n <= 1000; n++ {
		later := s
		later.History, later.At = s.History[:n], noon.Add(time.Duration(n)*time.Second)
		require.Equal(t, charts(first), charts(later))
	}
	later := s
	later.History = append(later.History, feed.Point{At: begun.Add(1000 * time.Second), Ledgers: [4]uint64{10, 8, 8, 7}})
	require.NotEqual(t, charts(first), charts(later))
}

// Each key that is listed is a button's, and each button's is listed.
func TestTheListOfKeysIsThePages(t *testing.T) {
	t.Parallel()
	for _, o := range []view.Options{{ReadOnly: true}, {}, {Fleets: true}} {
		fragments, err := view.Render(running(), view.Note{}, o)
		require.NoError(t, err)
		var page bytes.Buffer
		require.NoError(t, view.Page(&page, fragments, time.Minute, o))
		found := func(pattern string) (keys []string) {
			for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(page.String(), -1) {
				keys = append(keys, match[1])
			}
			return keys
		}
		require.ElementsMatch(t, found(`<kbd>(.+?)</kbd>`), append(found(`data-key="(.+?)"`), "?"))
	}
}

func TestTroubleIsCalledByItsName(t *testing.T) {
	t.Parallel()
	for headline, err := range map[string]error{
		"The connection to the broker is lost":         nats.ErrDisconnected,
		"The broker denies the dashboard a permission": fmt.Errorf("cannot count: %w", nats.ErrPermissionViolation),
		"The deployment is not set up":                 fmt.Errorf("cannot count: %w", jetstream.ErrStreamNotFound),
		"The broker does not answer":                   context.DeadlineExceeded,
	} {
		s := running()
		s.Trouble, s.Lost = err, noon
		fragments, err := view.Render(s, view.Note{}, view.Options{})
		require.NoError(t, err)
		require.Contains(t, string(fragments[0].HTML), headline)
	}
}
