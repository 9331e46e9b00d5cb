package view

import (
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"decoupled.example/console/dashboard/feed"
	"decoupled.example/console/internal/shown"
)

// banner says in words why the figures are old.
type banner struct {
	Text, Why string // empty: there is no trouble
	Since     string
}

func newBanner(s feed.Snapshot) banner {
	if s.Trouble == nil {
		return banner{}
	}
	b := banner{Text: "The broker does not answer", Why: shown.Text(s.Trouble.Error()), Since: s.Lost.Format(time.TimeOnly)}
	if errors.Is(s.Trouble, nats.ErrDisconnected) {
		b.Text, b.Why = "The connection to the broker is lost", "trying again by itself; what is shown is what it said last"
	}
	return b
}

// state is the heartbeat of the page.
type state struct {
	Live   bool // the broker has answered
	Lost   bool // it does not answer
	Time   string
	Broker string
}

func newState(s feed.Snapshot, o Options) state {
	return state{Live: s.Trouble == nil && !s.Status.At.IsZero(), Lost: s.Trouble != nil, Time: s.At.Format(time.TimeOnly), Broker: o.Broker}
}

// noteView is the status line.
type noteView struct {
	Note
	Time string
}

func newNote(n Note) noteView {
	if n.Text == "" {
		return noteView{}
	}
	n.Text = shown.Text(n.Text)
	return noteView{Note: n, Time: n.At.Format(time.TimeOnly)}
}
