package queue

import (
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// extender extends the ack deadline of messages in flight, so that the broker does
// not deliver them to another replica. It may be used concurrently.
type extender struct {
	report func(*nats.Msg)
	mu     sync.Mutex
	held   map[*nats.Msg]struct{}
	timer  *time.Timer
}

func newExtender(messages []*nats.Msg, every time.Duration, report func(*nats.Msg)) *extender {
	e := &extender{report: report, held: make(map[*nats.Msg]struct{}, len(messages))}
	for _, m := range messages {
		e.held[m] = struct{}{}
	}
	e.mu.Lock() // the timer may fire before it is stored
	defer e.mu.Unlock()
	e.timer = time.AfterFunc(every, func() { e.renew(every) })
	return e
}

func (e *extender) renew(every time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for m := range e.held {
		e.report(m)
	}
	if len(e.held) > 0 {
		e.timer.Reset(every)
	}
}

// release stops extending a message's deadline, and reports whether it was
// extended until now. It must come before the message is settled: a progress report
// after a nak would undo its delay.
func (e *extender) release(m *nats.Msg) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, held := e.held[m]
	delete(e.held, m)
	return held
}

// stop releases all messages.
func (e *extender) stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.timer.Stop()
	clear(e.held)
}
