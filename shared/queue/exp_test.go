package queue_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

func TestExpLatency(t *testing.T) {
	f, _ := start(t, never)
	q := f.requests()
	h := newHandled()
	f.consume(q, h.handle)
	for i := range 20 {
		begun := time.Now()
		f.publish(q, 1)
		f.eventually(func() bool { return h.count() == i+1 }, "x")
		t.Log(time.Since(begun))
	}
	begun := time.Now()
	f.publish(q, 50000)
	t.Log("published", time.Since(begun))
	begun = time.Now()
	f.drained()
	t.Log("drained", time.Since(begun), h.sizes())
}

func TestExpLarge(t *testing.T) {
	f, _ := start(t, 5*time.Second, func(s *topology.Settings) { s.MaxBytes = 1 << 30 })
	q := f.requests()
	conn := f.connect()
	body := strings.Repeat("x", 120<<10)
	for range 50 {
		_, err := f.js.Publish(t.Context(), topology.SubjectResponse, nil)
		require.NoError(t, err)
	}
	vs := newRequests(3000)
	for i, v := range vs {
		_ = i
		b := `{"id":"` + v.ID + `","requested_at":"2026-01-01T00:00:00Z","pad":"` + body + `"}`
		m := &nats.Msg{Subject: topology.SubjectRequest, Header: nats.Header{"Content-Type": {"application/json"}, "Decoupled-Schema": {"decoupled.request.v1"}}, Data: []byte(b)}
		_, err := f.js.PublishMsg(t.Context(), m)
		require.NoError(t, err)
	}
	h := newHandled()
	disc := 0
	conn2 := f.connect()
	_ = conn
	conn2.SetDisconnectErrHandler(func(c *nats.Conn, err error) { disc++; t.Log("disconnected", err) })
	q = queue.New(f.client(conn2, patience), requestsConfig(), contractRequests)
	begun := time.Now()
	f.consume(q, h.handle)
	f.drained()
	t.Log("drained", time.Since(begun), h.sizes(), disc, q.Counts())
}

func TestExpRestart(t *testing.T) {
	f, b := start(t, time.Second)
	q := f.requests()
	h := newHandled()
	f.consume(q, h.handle)
	n := 0
	pub := f.requests()
	for range 8 {
		b.Restart()
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		require.NoError(t, pub.Publish(ctx, newRequests(1)...))
		cancel()
		n++
		t.Log("published", time.Since(begun))
		f.eventually(func() bool { return h.count() == n }, "x")
		t.Log("handled", time.Since(begun))
	}
}
