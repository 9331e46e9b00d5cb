package stage

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Tap listens to the traffic as anyone may, without taking part in it.
type Tap struct {
	stage *Stage
	sub   *nats.Subscription
	what  string

	mu   sync.Mutex
	left int
	seen chan struct{} // closed when enough were seen
}

// Tap waits for the nth message from now on with such a subject and a reply
// subject that begins so; empty is any. It listens when Tap returns.
func (s *Stage) Tap(subject, reply string, nth int) *Tap {
	t := &Tap{stage: s, what: subject, left: nth, seen: make(chan struct{})}
	var err error
	t.sub, err = s.Operator().Conn.Subscribe(subject, func(m *nats.Msg) {
		if strings.HasPrefix(m.Reply, reply) {
			t.count()
		}
	})
	s.Must(err)
	s.Must(s.Operator().Conn.FlushTimeout(patience)) // from now on it is listened
	return t
}

func (t *Tap) count() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.left--; t.left == 0 {
		close(t.seen)
	}
}

// Await returns the moment it has come. One that does not come ends the scenario.
func (t *Tap) Await() {
	defer func() { _ = t.sub.Unsubscribe() }() // fails only on a closed connection
	s := t.stage
	timer := time.NewTimer(s.patience())
	defer timer.Stop()
	select {
	case <-t.seen:
	case <-s.ctx.Done():
		s.Must(s.ctx.Err())
	case <-timer.C:
		s.Must(fmt.Errorf("timed out after %v waiting for messages at %s", s.patience(), t.what))
	}
}
