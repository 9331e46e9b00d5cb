package queue_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// wire records what clients send on some subjects, in the order in which the
// broker received it. Of what one client sends, that is the order of sending.
type wire struct {
	f        *fixture
	conn     *nats.Conn
	mu       sync.Mutex
	messages []*nats.Msg
}

// tap begins to record.
func (f *fixture) tap(subjects ...string) *wire {
	f.Helper()
	w := &wire{f: f, conn: f.connect()}
	in := make(chan *nats.Msg, 1<<16)
	for _, s := range subjects {
		_, err := w.conn.ChanSubscribe(s, in)
		require.NoError(f, err)
	}
	require.NoError(f, w.conn.Flush())
	end := make(chan struct{})
	f.Cleanup(func() { close(end) })
	go func() {
		for {
			select {
			case m := <-in:
				w.mu.Lock()
				w.messages = append(w.messages, m)
				w.mu.Unlock()
			case <-end:
				return
			}
		}
	}()
	return w
}

// sent returns the messages so far whose body begins with prefix.
func (w *wire) sent(prefix string) []*nats.Msg {
	w.mu.Lock()
	defer w.mu.Unlock()
	var sent []*nats.Msg
	for _, m := range w.messages {
		if strings.HasPrefix(string(m.Data), prefix) {
			sent = append(sent, m)
		}
	}
	return sent
}

// about returns what was said so far about each delivery: its verdicts, in
// order, by the subject that they were sent to.
func (w *wire) about() map[string][]string {
	verdicts := make(map[string][]string)
	for _, m := range w.sent("") {
		verdicts[m.Subject] = append(verdicts[m.Subject], string(m.Data))
	}
	return verdicts
}

// raw sends a message to the broker whose header block is as given, down to the
// last byte, as no client library would.
func raw(t testing.TB, url, subject, header, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	lines := bufio.NewReader(conn)
	_, err = lines.ReadString('\n') // INFO
	require.NoError(t, err)
	options, err := json.Marshal(map[string]any{"verbose": false, "headers": true, "protocol": 1})
	require.NoError(t, err)
	_, err = fmt.Fprintf(conn, "CONNECT %s\r\nSUB stored 1\r\nHPUB %s stored %d %d\r\n%s%s\r\n", options, subject, len(header), len(header)+len(body), header, body)
	require.NoError(t, err)
	_, err = lines.ReadString('\n') // MSG
	require.NoError(t, err)
	answer, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, answer, `"seq":`, "the broker did not store the message: %q", header)
}
