package view

import (
	"slices"
	"strings"
	"time"

	"decoupled.example/console/dashboard/feed"
	"decoupled.example/console/deadletter"
	"decoupled.example/console/internal/shown"
	"decoupled.example/shared/contract"
)

// deadLetters are those that are shown, of all.
type deadLetters struct {
	All     uint64
	Shown   []letter
	Actions bool
}

type letter struct {
	ID         string
	Queue      string
	RequestID  string
	Known      bool // the request's ID is one that can be looked up
	Reason     string
	Deliveries int
	Time       string // when it was dead-lettered
	Headers    []string
	Body       string
}

func newLetters(s feed.Snapshot, o Options) deadLetters {
	v := deadLetters{All: s.Status.DeadLetters, Actions: !o.ReadOnly}
	for _, l := range s.DeadLetters {
		v.Shown = append(v.Shown, newLetter(l, s.At.Location()))
	}
	return v
}

func newLetter(l deadletter.Message, zone *time.Location) letter {
	v := letter{
		ID: l.ID, Queue: shown.Text(l.Queue), RequestID: shown.Text(l.RequestID),
		Known:  contract.ValidateID(l.RequestID) == nil,
		Reason: shown.Text(l.Reason), Deliveries: l.Deliveries,
		Time: l.Stored.In(zone).Format(time.TimeOnly), Body: shown.Text(string(l.Body)),
	}
	for name, values := range l.Header {
		v.Headers = append(v.Headers, shown.Text(name)+": "+shown.Text(strings.Join(values, ", ")))
	}
	slices.Sort(v.Headers)
	return v
}
