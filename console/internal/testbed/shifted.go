package testbed

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/topology"
)

// StartShifted starts a broker whose clock is ahead of the operator's by that
// much, and sets it up. Services see the broker as it is.
func StartShifted(t testing.TB, ahead time.Duration, change ...func(*topology.Settings)) *Bed {
	t.Helper()
	broker := brokertest.Start(t)
	b := On(t, broker.URL(), change...)
	b.Broker = broker
	b.Shift(ahead)
	return b
}

// Shift connects the operator anew, to a broker whose clock is ahead by that much.
func (b *Bed) Shift(ahead time.Duration) {
	b.t.Helper()
	url := b.url
	b.url = b.ShiftedURL(ahead)
	b.Conn = b.connect("operator")
	b.url = url
	var err error
	b.JS, err = jetstream.New(b.Conn)
	require.NoError(b.t, err)
	b.Topology, err = topology.Open(b.Conn, b.Log(), grace)
	require.NoError(b.t, err)
}

// ShiftedURL is the URL of a relay to the broker, which makes the broker's clock
// look ahead by that much: it moves each time that the broker states, in an answer
// or as the time of a message, and each that an API request states.
func (b *Bed) ShiftedURL(ahead time.Duration) string {
	b.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b.t, err)
	b.t.Cleanup(func() { _ = listener.Close() })
	address := strings.TrimPrefix(b.Broker.URL(), "nats://")
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
			go func() { shift(behind, client, -ahead); _ = behind.Close() }()
			go func() { shift(client, behind, ahead); _ = client.Close() }()
		}
	}()
	return "nats://" + listener.Addr().String()
}

// stamp is a time as the broker writes it.
var stamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`)

// shift copies one direction of a connection.
func shift(to io.Writer, from io.Reader, by time.Duration) {
	in := bufio.NewReader(from)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(line)
		if len(words) == 0 || !strings.HasSuffix(words[0], "MSG") && !strings.HasSuffix(words[0], "PUB") {
			if _, err := io.WriteString(to, line); err != nil {
				return
			}
			continue
		}
		if err := shiftMessage(to, in, words, by); err != nil {
			return
		}
	}
}

// shiftMessage copies a message. The last word of its line is its size, and with
// headers the last but one theirs.
func shiftMessage(to io.Writer, in io.Reader, words []string, by time.Duration) error {
	n := len(words)
	size, err := strconv.Atoi(words[n-1])
	if err != nil {
		return err
	}
	message := make([]byte, size+len("\r\n"))
	if _, err := io.ReadFull(in, message); err != nil {
		return err
	}
	var header []byte
	if words[0][0] == 'H' {
		size, err := strconv.Atoi(words[n-2])
		if err != nil {
			return err
		}
		header, message = message[:size], message[size:]
		lines := bytes.SplitAfter(header, []byte("\n"))
		for i, line := range lines {
			if bytes.HasPrefix(line, []byte(jetstream.TimeStampHeaer)) {
				lines[i] = shiftStamps(line, by)
			}
		}
		header = bytes.Join(lines, nil)
		words[n-2] = strconv.Itoa(len(header))
	}
	if strings.HasPrefix(words[1], "$JS.API.") || bytes.HasPrefix(message, []byte(`{"type":"io.nats.jetstream`)) {
		message = shiftStamps(message, by)
	}
	words[n-1] = strconv.Itoa(len(header) + len(message) - len("\r\n"))
	_, err = fmt.Fprintf(to, "%s\r\n%s%s", strings.Join(words, " "), header, message)
	return err
}

func shiftStamps(text []byte, by time.Duration) []byte {
	return stamp.ReplaceAllFunc(text, func(old []byte) []byte {
		at, err := time.Parse(time.RFC3339Nano, string(old))
		if err != nil || at.IsZero() {
			return old
		}
		return []byte(at.Add(by).Format(time.RFC3339Nano))
	})
}
