package queue_test

import (
	"errors"
	"strings"
	"time"

	"decoupled.example/shared/queue"
)

// note is a message of another kind than the project's: as large, and with as
// strange an ID, as a test wants.
type note struct {
	ID, Text string
}

var errUnreadable = errors.New("unreadable")

// notes is a codec that trusts what it is given, as ours would not.
type notes struct{}

func (notes) ID(n note) string { return n.ID }

func (notes) Encode(n note) (map[string][]string, []byte, error) {
	return map[string][]string{}, []byte(n.ID + "\n" + n.Text), nil
}

func (notes) Decode(_ map[string][]string, body []byte) (n note, err error) {
	n.ID, n.Text, _ = strings.Cut(string(body), "\n")
	switch n.Text {
	case "unreadable":
		err = errUnreadable
	case "fatal":
		panic("the codec has a bug")
	}
	return n, err
}

// notes is a queue of notes in the place of that of requests.
func (f *fixture) notes(config queue.Config, grace time.Duration) *queue.Queue[note] {
	f.Helper()
	return queue.New(f.client(f.connect(), grace), config, notes{})
}
