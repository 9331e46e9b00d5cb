package publish

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// errUnanswered is the error of a message that the broker has not answered yet.
var errUnanswered = errors.New("no answer")

// otherStreamError is the error of a message that another stream than the
// expected one has stored, because their subjects overlap. The message is in no
// queue: the confirmation does not count.
type otherStreamError struct{ stream, expected string }

func (e *otherStreamError) Error() string {
	return fmt.Sprintf("stream %s took the message instead of %s", e.stream, e.expected)
}

// answers receives what the broker says to everything that a Publisher sends:
// one subscription for all, since making and ending one costs the broker, and
// each node of a cluster, about as much as a message.
//
// A message's answer comes to <inbox>.<call>.<index>, or to <inbox>.<call>.all.
type answers struct {
	inbox string
	mu    sync.Mutex
	last  uint64
	calls map[string]*call
}

func newAnswers(conn *nats.Conn) (*answers, error) {
	a := &answers{inbox: conn.NewInbox() + ".", calls: make(map[string]*call)}
	sub, err := conn.Subscribe(a.inbox+"*.*", a.receive)
	if err != nil {
		return nil, err
	}
	// Nothing may be dropped here. What can come is bounded by what was sent.
	return a, sub.SetPendingLimits(-1, -1)
}

// open begins to wait for n answers of a stream, until close is called.
func (a *answers) open(stream string, n int) *call {
	c := &call{stream: stream, answered: make(chan struct{}), verdicts: make([]error, n), left: n}
	for i := range c.verdicts {
		c.verdicts[i] = errUnanswered
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last++
	c.number = strconv.FormatUint(a.last, 36)
	c.inbox = a.inbox + c.number + "."
	a.calls[c.number] = c
	return c
}

func (a *answers) close(c *call) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.calls, c.number)
}

// receive is called for one answer after the other.
func (a *answers) receive(m *nats.Msg) {
	number, index, _ := strings.Cut(m.Subject[len(a.inbox):], ".")
	a.mu.Lock()
	c := a.calls[number]
	a.mu.Unlock()
	if c == nil { // too late: nobody waits any more
		return
	}
	if index == allIndex {
		c.confirm(m)
	} else if i, err := strconv.Atoi(index); err == nil {
		c.answer(i, read(m, c.stream))
	}
}

// call is the answers to the messages of one attempt.
type call struct {
	stream   string // whose confirmations count
	number   string
	inbox    string
	answered chan struct{}    // closed when all answers are there
	broken   chan nats.Status // has one when the connection breaks

	mu       sync.Mutex
	verdicts []error // by index; nil is a confirmation
	left     int     // how many answers are missing
	place    uint64  // the last sequence that an answer to all has named
}

// reply is where the answer to a message comes.
func (c *call) reply(i int) string { return c.inbox + strconv.Itoa(i) }

// verdict is nil if the message is stored.
func (c *call) verdict(i int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.verdicts[i]
}

// answer takes note of the verdict on a message. Only the first one counts.
func (c *call) answer(i int, verdict error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i < 0 || i >= len(c.verdicts) || c.verdicts[i] != errUnanswered { //nolint:errorlint // the very value
		return
	}
	c.verdicts[i] = verdict
	if c.left--; c.left == 0 {
		close(c.answered)
	}
}

// unanswered is how many answers are missing.
func (c *call) unanswered() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left
}

// read returns nil when the answer confirms that the stream has stored the
// message now, and ErrDuplicate when it says that the stream has stored one
// under the same message ID before.
func read(m *nats.Msg, stream string) error {
	// Nearly all answers are these, and decoding them costs as much as all else
	// that is done for a message here.
	if rest, ok := bytes.CutPrefix(m.Data, []byte(`{"stream":"`)); ok && !bytes.Contains(rest, []byte(`"error"`)) &&
		!bytes.Contains(rest, []byte(`"duplicate"`)) && len(rest) > len(stream) &&
		string(rest[:len(stream)]) == stream && rest[len(stream)] == '"' {
		return nil
	}
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		return nats.ErrNoResponders
	}
	var answer struct {
		Stream    string              `json:"stream"`
		Duplicate bool                `json:"duplicate"`
		Error     *jetstream.APIError `json:"error"`
	}
	switch err := json.Unmarshal(m.Data, &answer); {
	case err != nil:
		return fmt.Errorf("%w: %w", jetstream.ErrInvalidJSAck, err)
	case answer.Error != nil:
		return answer.Error
	case answer.Stream == "":
		return jetstream.ErrInvalidJSAck
	case answer.Stream != stream:
		return &otherStreamError{answer.Stream, stream}
	case answer.Duplicate:
		return ErrDuplicate
	}
	return nil
}
