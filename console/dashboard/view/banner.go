package view

import (
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

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
	b := banner{Why: shown.Text(s.Trouble.Error()), Since: s.Lost.Format(time.TimeOnly)}
	if _, b.Text = trouble(s.Trouble); errors.Is(s.Trouble, nats.ErrDisconnected) {
		b.Why = "reconnecting; the page shows the last reading"
	}
	return b
}

// trouble says in a word and in a headline what keeps the broker from answering.
func trouble(err error) (word, headline string) {
	switch {
	case errors.Is(err, nats.ErrDisconnected):
		return "lost", "The connection to the broker is lost"
	case errors.Is(err, nats.ErrPermissionViolation):
		return "denied", "The broker denies the dashboard a permission"
	case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrConsumerNotFound):
		return "not set up", "The deployment is not set up"
	}
	return "no answer", "The broker does not answer"
}

// state is the heartbeat of the page.
type state struct {
	Live    bool   // the broker has answered
	Trouble string // in a word why it does not
	Time    string
	Broker  string
}

func newState(s feed.Snapshot, o Options) state {
	v := state{Live: s.Trouble == nil && !s.Status.At.IsZero(), Time: s.At.Format(time.TimeOnly), Broker: o.Broker}
	if s.Trouble != nil {
		v.Trouble, _ = trouble(s.Trouble)
	}
	return v
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
