package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"decoupled.example/shared/publish"
)

const (
	// firstPause is the pause after a dependency has failed; it doubles with each
	// further failure.
	firstPause = 100 * time.Millisecond

	// A dependency may also fail in a way that the handler takes for the message's
	// fault. Then every message fails. This many failed calls in a row,
	manyFailures = 20
	// or this many failed messages without a success for this long, make
	// consumption back off before more attempts are spent.
	someFailures = 5
	someTime     = time.Second
)

// breaker makes consumption of a queue back off while nothing succeeds: then one
// loop tries one message at a time, and pauses in between.
//
//	closed ── a dependency failed, or nothing succeeds ──▶ open ── pause ──▶ one message is tried
//	  ▲                                                     ▲                  │ failed: longer pause
//	  │                                                     └──────────────────┤
//	  └────────────────────────── succeeded ───────────────────────────────────┘
//
// It may be used concurrently.
type breaker struct {
	log     *slog.Logger
	longest time.Duration // of the pauses

	mu      sync.Mutex
	changed chan struct{} // closed when a waiting loop should look again

	successes       int       // calls in which a message succeeded
	calls, messages int       // that failed since the last success
	failing         time.Time // since when

	open    bool
	opened  time.Time
	opening int // counts the times it opened
	trying  bool
	pause   time.Duration
	until   time.Time // end of the pause
	reason  error
}

func newBreaker(log *slog.Logger, longest time.Duration) *breaker {
	return &breaker{log: log, longest: longest, changed: make(chan struct{})}
}

// admit returns how many messages the caller may ask for: n, or 1 while the
// breaker is open, for which it waits until the pause is over. The caller calls
// done after it has acked or returned them. A changed connection ends a pause that
// a broker outage has caused.
func (b *breaker) admit(ctx context.Context, n int, connection <-chan nats.Status) (allowed int, done func(), err error) {
	for {
		b.mu.Lock()
		if !b.open {
			b.mu.Unlock()
			return n, func() {}, nil
		}
		left, changed := time.Until(b.until), b.changed
		switch {
		case b.trying:
			left = time.Hour // until changed
		case left <= 0:
			b.trying = true
			b.mu.Unlock()
			return 1, b.tried, nil
		}
		b.mu.Unlock()
		pause := time.NewTimer(left)
		select {
		case <-pause.C:
		case <-changed:
		case status := <-connection:
			if status == nats.CLOSED {
				err = nats.ErrConnectionClosed
			}
			b.reconnected()
		case <-ctx.Done():
			err = ctx.Err()
		}
		pause.Stop()
		if err != nil {
			return 0, nil, err
		}
	}
}

// tried ends a try that admit has allowed.
func (b *breaker) tried() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trying = false
	b.notify()
}

func (b *breaker) reconnected() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open && errors.Is(b.reason, publish.ErrUnavailable) {
		b.until = time.Now()
		b.notify()
	}
}

func (b *breaker) notify() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// begin returns the number with which a handler call reports its result.
func (b *breaker) begin() (opening int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.opening
}

// isOpen reports whether the breaker has opened since begin returned opening, or
// is open.
func (b *breaker) isOpen(opening int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open || b.opening != opening
}

// succeeded closes the breaker, unless the call began before it opened: then it
// proves nothing about now.
func (b *breaker) succeeded(opening int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if opening != b.opening {
		return
	}
	b.successes++
	b.calls, b.messages = 0, 0
	if b.open {
		b.open = false
		b.notify()
		b.log.Info("consumption is back at full speed", "after", time.Since(b.opened).Round(time.Millisecond).String())
	}
}

// succeededSoFar counts the calls in which a message succeeded.
func (b *breaker) succeededSoFar() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.successes
}

// failed records a call in which no message succeeded and that many failed.
// Messages that have failed before say less about the others.
func (b *breaker) failed(opening, messages int, before bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.messages == 0 {
		b.failing = time.Now()
	}
	b.messages += messages
	if !before {
		b.calls++
	}
	switch {
	case b.open:
	case b.calls >= manyFailures:
	case b.messages >= someFailures && time.Since(b.failing) >= someTime:
	default:
		return
	}
	b.trip(opening, 0, fmt.Errorf("nothing succeeds: %w", err))
}

// repeated records another failure of a bad message. While the breaker is open, it
// changes only the time of the next try.
func (b *breaker) repeated(opening int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open && opening == b.opening {
		b.until = time.Now().Add(b.pause)
	}
}

// unavailable records that a dependency failed.
func (b *breaker) unavailable(opening int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trip(opening, retryAfter(err), err)
}

// trip opens the breaker, or makes the pause longer.
func (b *breaker) trip(opening int, atLeast time.Duration, reason error) {
	switch {
	case !b.open:
		b.open, b.opened, b.pause = true, time.Now(), min(firstPause, b.longest)
		b.opening++
		b.log.Warn("consumption backs off; one message at a time is tried", "error", reason)
	case opening == b.opening:
		b.pause = min(2*b.pause, b.longest)
	default:
		return // of a call that began before it opened
	}
	b.reason = reason
	b.until = time.Now().Add(max(b.pause, atLeast))
	b.notify()
}

// delay returns the redelivery delay of a message that was tried while the breaker
// is open. It is longer than the pause, so that another message is tried next.
func (b *breaker) delay() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(b.pause, time.Until(b.until)) + firstPause
}

// state returns since when the breaker is open and why; a nil error if it is
// closed.
func (b *breaker) state() (pause time.Duration, reason error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return 0, nil
	}
	return max(b.pause, time.Until(b.until).Round(time.Millisecond)), b.reason
}
