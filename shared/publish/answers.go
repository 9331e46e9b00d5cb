package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// errUnanswered is the error of a message that the broker has not answered yet.
var errUnanswered = errors.New("no answer")

// otherStreamError is the error of a message that was stored by another stream than the
// expected one, because their subjects overlap. The message is in no queue, so the
// confirmation does not count.
type otherStreamError struct{ stream, expected string }

func (e *otherStreamError) Error() string {
	return fmt.Sprintf("stream %s took the message instead of %s", e.stream, e.expected)
}

// allIndex takes the place of a message's index when the answers to all messages come
// to one subject.
const allIndex = "all"

// inbox receives the broker's answers to one attempt after the other. Each call of
// Publish has one of its own, so that no other goroutine stands between the connection
// and the waiting one. Creating and removing an inbox costs the broker, and each node
// of a cluster, about as much as a message, so inboxes are reused.
//
// A message's answer comes to <prefix><number of the attempt>.<index>, or to
// <prefix><number of the attempt>.all.
type inbox struct {
	prefix  string
	attempt uint64
	in      chan *nats.Msg
	changed chan nats.Status // has one when the connection breaks
}

// takeInbox returns an inbox that no other call has.
func (p *Publisher) takeInbox() (*inbox, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.inboxes); n > 0 {
		i := p.inboxes[n-1]
		p.inboxes = p.inboxes[:n-1]
		return i, nil
	}
	// Room for the answers to an attempt, and for late ones to the attempt before. The
	// library drops what does not fit, which costs an attempt.
	i := &inbox{prefix: p.conn.NewInbox() + ".", in: make(chan *nats.Msg, 2*atOnce)}
	if _, err := p.conn.ChanSubscribe(i.prefix+"*.*", i.in); err != nil {
		return nil, err
	}
	i.changed = p.conn.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	return i, nil
}

func (p *Publisher) returnInbox(i *inbox) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inboxes = append(p.inboxes, i)
}

// call collects the answers to the messages of one attempt.
type call struct {
	*inbox
	stream   string  // whose confirmations count
	prefix   string  // of the subjects of this attempt's answers
	verdicts []error // by index; nil is a confirmation
	left     int     // how many answers are missing
	place    uint64  // the last sequence that an answer to all has named
}

// begin starts an attempt that expects that many answers, to that many indexes.
func (i *inbox) begin(stream string, answers, indexes int) *call {
	for len(i.changed) > 0 { // earlier disconnects do not matter to this attempt
		<-i.changed
	}
	i.attempt++
	c := &call{inbox: i, stream: stream, verdicts: make([]error, indexes), left: answers}
	c.prefix = i.prefix + strconv.FormatUint(i.attempt, 36) + "."
	for k := range c.verdicts {
		c.verdicts[k] = errUnanswered
	}
	return c
}

// reply is where the answer to a message comes.
func (c *call) reply(index int) string { return c.prefix + strconv.Itoa(index) }

// await returns nil when all answers have arrived, and otherwise why it stopped
// waiting.
func (c *call) await(ctx context.Context, within time.Duration) error {
	patience := time.NewTimer(within)
	defer patience.Stop()
	for before := c.left; c.left > 0; {
		select {
		case m := <-c.in:
			c.receive(m)
		case <-c.changed: // further answers over that connection are lost
			return c.rest(nats.ErrDisconnected)
		case <-ctx.Done():
			return c.rest(ctx.Err())
		case <-patience.C:
			if c.left == before {
				return c.rest(errUnanswered)
			}
			before = c.left
			patience.Reset(within)
		}
	}
	return nil
}

// rest receives the answers that have already arrived. It returns ended if some are
// still missing.
func (c *call) rest(ended error) error {
	for c.left > 0 && len(c.in) > 0 {
		c.receive(<-c.in)
	}
	if c.left > 0 {
		return ended
	}
	return nil
}

func (c *call) receive(m *nats.Msg) {
	index, ok := strings.CutPrefix(m.Subject, c.prefix)
	if !ok { // to an earlier attempt
		return
	}
	if index == allIndex {
		c.confirm(m)
	} else if k, err := strconv.Atoi(index); err == nil {
		c.answer(k, read(m, c.stream))
	}
}

// answer records the verdict on a message. Only the first one counts.
func (c *call) answer(index int, verdict error) {
	if index < 0 || index >= len(c.verdicts) || c.verdicts[index] != errUnanswered { //nolint:errorlint // the very value
		return
	}
	c.verdicts[index] = verdict
	c.left--
}

// read returns nil when the answer confirms that the stream has stored the
// message now, and ErrDuplicate when it says that the stream has stored one
// under the same message ID before.
func read(m *nats.Msg, stream string) error {
	// Nearly all answers have this form, and decoding them would cost as much as
	// everything else that is done for a message here.
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
