package queue

import (
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// hold reports now and then that messages in hand are being worked on, so that
// the broker does not deliver them to someone else. It may be used concurrently.
type hold struct {
	report func(*nats.Msg)
	mu     sync.Mutex
	held   map[*nats.Msg]struct{}
	timer  *time.Timer
}

func newHold(messages []*nats.Msg, every time.Duration, report func(*nats.Msg)) *hold {
	h := &hold{report: report, held: make(map[*nats.Msg]struct{}, len(messages))}
	for _, m := range messages {
		h.held[m] = struct{}{}
	}
	h.mu.Lock() // the timer may fire before it is stored
	defer h.mu.Unlock()
	h.timer = time.AfterFunc(every, func() { h.renew(every) })
	return h
}

func (h *hold) renew(every time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for m := range h.held {
		h.report(m)
	}
	if len(h.held) > 0 {
		h.timer.Reset(every)
	}
}

// release ends the hold on a message, and says whether there was one. It must
// come before the message is settled: a progress report after a nak would undo
// its delay.
func (h *hold) release(m *nats.Msg) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, held := h.held[m]
	delete(h.held, m)
	return held
}

func (h *hold) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.timer.Stop()
	clear(h.held)
}
