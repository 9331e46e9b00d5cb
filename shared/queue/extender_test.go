package queue

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// reports records when which message was reported to be in progress.
type reports struct {
	mu    sync.Mutex
	begun time.Time
	seen  map[*nats.Msg][]time.Duration
}

func newReports() *reports {
	return &reports{begun: time.Now(), seen: make(map[*nats.Msg][]time.Duration)}
}

func (r *reports) report(m *nats.Msg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[m] = append(r.seen[m], time.Since(r.begun))
}

func (r *reports) of(m *nats.Msg) []time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen[m])
}

func TestExtender_ExtendsUntilRelease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := nats.NewMsg("a"), nats.NewMsg("b")
		r := newReports()
		h := newExtender([]*nats.Msg{a, b}, time.Second, r.report)
		<-time.After(2500 * time.Millisecond)
		require.True(t, h.release(a))
		require.False(t, h.release(a), "settled twice")
		<-time.After(time.Second)
		require.True(t, h.release(b))
		<-time.After(time.Hour)
		h.stop()
		require.Equal(t, []time.Duration{time.Second, 2 * time.Second}, r.of(a))
		require.Equal(t, []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}, r.of(b))
	})
}

func TestExtender_Stops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := nats.NewMsg("a")
		r := newReports()
		h := newExtender([]*nats.Msg{m}, time.Second, r.report)
		h.stop()
		<-time.After(time.Hour)
		require.Empty(t, r.of(m))
		require.False(t, h.release(m), "nothing is extended")
	})
}

// A message must not be reported once its release has returned, whatever the
// timer does at that moment.
func TestExtender_NeverExtendsAfterRelease(t *testing.T) {
	t.Parallel()
	var released sync.Map
	messages := make([]*nats.Msg, 1000)
	for i := range messages {
		messages[i] = nats.NewMsg("a")
	}
	h := newExtender(messages, time.Microsecond, func(m *nats.Msg) {
		if _, ok := released.Load(m); ok {
			t.Error("reported after its release")
		}
	})
	defer h.stop()
	for _, m := range messages {
		require.True(t, h.release(m))
		released.Store(m, nil)
	}
}
