package testbed

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
)

// Silent is the URL of a broker that takes connections and everything that is
// sent over them, and answers nothing, as one that has no quorum.
func Silent(t testing.TB, broker *brokertest.Broker) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := broker.Server().Addr().String()
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			behind, err := net.Dial("tcp", address)
			if err != nil {
				_ = client.Close()
				continue
			}
			go func() { _, _ = io.Copy(behind, client); _ = behind.Close() }()
			go func() { _, _ = io.Copy(&handshake{client: client}, behind); _ = client.Close() }()
		}
	}()
	t.Cleanup(func() { _ = listener.Close() })
	return "nats://" + listener.Addr().String()
}

// handshake lets a connection come about, and nothing more.
type handshake struct {
	client io.Writer
	done   bool
}

func (h *handshake) Write(b []byte) (int, error) {
	if h.done {
		return len(b), nil
	}
	h.done = bytes.Contains(b, []byte("PONG"))
	return h.client.Write(b)
}
