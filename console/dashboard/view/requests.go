package view

import (
	"strings"
	"time"

	"decoupled.example/console/dashboard/feed"
	"decoupled.example/console/internal/shown"
	"decoupled.example/console/trace"
	"decoupled.example/shared/topology"
)

// shownRequests is how many of the last requests are listed.
const shownRequests = 8

// request is a line of the list of last requests.
type request struct {
	ID, Short string
	Asked     string
	Steps     []step
	Whole     string
	Where     string
}

// step is one step of a request.
type step struct {
	Name string
	Done bool
	At   string
	Took string
}

// wheres are where a request is that has come so far, and no further.
var wheres = [...]string{"", "in " + topology.Requests, "in " + topology.Responses, "in " + topology.Receipts, "finished"}

func newRequests(s feed.Snapshot) []request {
	var list []request
	for _, r := range s.Requests[:min(len(s.Requests), shownRequests)] {
		v := request{ID: r.ID, Short: "…" + r.ID[max(0, len(r.ID)-6):]}
		done := 0
		for i, name := range topology.LedgerNames {
			passed := step{Name: name}
			if at := r.At[i]; !at.IsZero() {
				done = i + 1
				passed.Done, passed.At = true, at.In(s.At.Location()).Format(time.TimeOnly)
				if i > 0 && !r.At[i-1].IsZero() {
					passed.Took = span(at.Sub(r.At[i-1]))
				}
			}
			v.Steps = append(v.Steps, passed)
		}
		v.Asked, v.Where = v.Steps[0].At, wheres[done]
		switch {
		case r.Finished():
			v.Whole = span(r.At[len(r.At)-1].Sub(r.At[0]))
		case r.Dead:
			v.Where = "dead letter"
		}
		list = append(list, v)
	}
	return list
}

// life is the page of one request.
type life struct {
	ID         string
	Failed     string
	Steps      []lifeStep
	Where      string
	DeadLetter *letter
}

type lifeStep struct{ Name, At, After, Value string }

func newLife(id string, t trace.Trace, failed error) life {
	v := life{ID: shown.Text(id), Where: shown.Text(t.Where)}
	if failed != nil {
		v.Failed = shown.Text(failed.Error())
		return v
	}
	for i, s := range t.Steps {
		passed := lifeStep{Name: s.Name, At: s.At.Local().Format("15:04:05.000000"), Value: shown.Text(s.Value)}
		if i > 0 {
			passed.After = strings.TrimSpace("+" + span(s.After))
		}
		v.Steps = append(v.Steps, passed)
	}
	if t.DeadLetter != nil {
		l := newLetter(*t.DeadLetter, time.Local)
		v.DeadLetter = &l
	}
	return v
}
