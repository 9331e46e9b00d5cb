package brokertest

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// StartVersion starts what claims to be a broker of that version at an address,
// such as 127.0.0.1:0, until the test ends, and returns its URL. It shakes hands
// with each client, and answers nothing else.
func StartVersion(t testing.TB, address, version string) (url string) {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go shakeHands(client, version)
		}
	}()
	return "nats://" + listener.Addr().String()
}

func shakeHands(client net.Conn, version string) {
	defer client.Close()
	fmt.Fprintf(client, "INFO {\"server_id\":\"X\",\"version\":%q,\"proto\":1,\"headers\":true,\"jetstream\":true,\"max_payload\":1048576}\r\n", version)
	for words := bufio.NewScanner(client); words.Scan(); {
		if strings.HasPrefix(words.Text(), "PING") {
			fmt.Fprint(client, "PONG\r\n")
		}
	}
}
