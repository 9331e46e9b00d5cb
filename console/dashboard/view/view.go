package view

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"decoupled.example/console/dashboard/feed"
	"decoupled.example/console/trace"
)

//go:embed *.html
var files embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"count": count, "fraction": fraction, "span": span, "rate": rate, "size": size, "brief": brief, "key": key,
}).ParseFS(files, "*.html"))

// Options are what a page may do.
type Options struct {
	Broker   string // where the broker is, for people
	ReadOnly bool   // no actions at all
	Fleets   bool   // services can be scaled here
}

// Note is the last action, and its result.
type Note struct {
	At   time.Time
	Text string
	Bad  bool // it failed
}

// Fragment is a part of the page.
type Fragment struct {
	ID     string        // of its element
	Window time.Duration // 0, or only for pages that show so much time
	HTML   template.HTML
}

// Windows are how much time a page may show.
var Windows = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute}

// Render returns all fragments, in a fixed order.
func Render(s feed.Snapshot, note Note, o Options) ([]Fragment, error) {
	var all []Fragment
	var failed error
	add := func(id string, window time.Duration, name string, data any) {
		var b bytes.Buffer
		if err := templates.ExecuteTemplate(&b, name, data); err != nil && failed == nil {
			failed = fmt.Errorf("cannot render %s: %w", id, err)
		}
		all = append(all, Fragment{ID: id, Window: window, HTML: template.HTML(bytes.TrimSpace(b.Bytes()))}) //nolint:gosec // a template's output is escaped
	}
	add("banner", 0, "banner", newBanner(s))
	add("state", 0, "state", newState(s, o))
	add("verdict", 0, "verdict", s)
	add("note", 0, "note", newNote(note))
	for _, station := range newStations(s, o) {
		add(station.Element, 0, "station", station)
	}
	for _, vessel := range newVessels(s, o) {
		add(vessel.Element, 0, "vessel", vessel)
	}
	for _, window := range Windows {
		add("chart", window, "chart", newChart(s.History, window))
	}
	add("latency", 0, "latency", newLatency(s.Latency))
	add("requests", 0, "requests", newRequests(s))
	add("letters", 0, "letters", newLetters(s, o))
	return all, failed
}

// page is the whole page.
type page struct {
	Options
	Window  time.Duration
	Windows []windowLink
	Keys    []Key
	Legend  []legendEntry
	parts   map[string]template.HTML
}

type windowLink struct {
	Label, Value string
	Current      bool
}

// WindowName is what the event stream calls the window.
func (p page) WindowName() string { return WindowName(p.Window) }

// Part is the fragment of that ID.
func (p page) Part(id string) template.HTML { return p.parts[id] }

// Page writes the whole page with these fragments.
func Page(w io.Writer, fragments []Fragment, window time.Duration, o Options) error {
	p := page{Options: o, Window: window, Keys: o.keys(), Legend: legend(), parts: make(map[string]template.HTML)}
	for _, f := range fragments {
		if f.Window == 0 || f.Window == window {
			p.parts[f.ID] = f.HTML
		}
	}
	for _, d := range Windows {
		p.Windows = append(p.Windows, windowLink{Label: fmt.Sprintf("%.0f min", d.Minutes()), Value: WindowName(d), Current: d == window})
	}
	return templates.ExecuteTemplate(w, "page", p)
}

// WindowName is how a window is called in an address.
func WindowName(d time.Duration) string { return fmt.Sprintf("%.0fm", d.Minutes()) }

// Life writes the page of one request's life, or why it is unknown.
func Life(w io.Writer, id string, life trace.Trace, failed error) error {
	return templates.ExecuteTemplate(w, "life", newLife(id, life, failed))
}
