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

	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

// StartShifted starts a broker whose clock is ahead of the operator's by that
// much, and sets it up. Services see the broker as it is.
func StartShifted(t testing.TB, ahead time.Duration, change ...func(*topology.Settings)) *Bed {
	t.Helper()
	b := Start(t, change...)
	b.Shift(ahead)
	return b
}

// Shift connects the operator anew, to a broker whose clock is ahead by that much:
// each time that it states, in an answer or as the time of a message, is later, and
// each that an API request states is earlier to it.
func (b *Bed) Shift(ahead time.Duration) {
	b.t.Helper()
	b.via(
		func(stated []byte) []byte { return shifted(stated, ahead) },
		func(stated []byte) []byte { return shifted(stated, -ahead) },
	)
}

// Later connects the operator anew, as if that much time had passed since all that
// is stored was stored: the broker states that its clock is so much later.
func (b *Bed) Later(by time.Duration) {
	b.t.Helper()
	b.via(
		func(stated []byte) []byte {
			return now.ReplaceAllFunc(stated, func(ts []byte) []byte { return shifted(ts, by) })
		},
		func(stated []byte) []byte { return stated },
	)
}

// via connects the operator anew, by way of a relay that changes the times that the
// broker states, and those that API requests state.
func (b *Bed) via(answers, requests func(stated []byte) []byte) {
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
			go func() { relay(behind, client, requests); _ = behind.Close() }()
			go func() { relay(client, behind, answers); _ = client.Close() }()
		}
	}()
	direct := b.url
	b.url = "nats://" + listener.Addr().String()
	b.Conn = b.connect("operator")
	b.Via, b.url = b.url, direct
	b.JS, err = jetstream.New(b.Conn)
	require.NoError(b.t, err)
	b.Topology, err = topology.Open(b.Conn, service.Slog(b.Log()), topology.Options{ShutdownTimeout: grace})
	require.NoError(b.t, err)
}

var (
	// stamp is a time as the broker writes it.
	stamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`)
	// now is the time of an answer.
	now = regexp.MustCompile(`"ts":"[^"]*"`)
)

// relay copies one direction of a connection.
func relay(to io.Writer, from io.Reader, change func([]byte) []byte) {
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
		if err := relayMessage(to, in, words, change); err != nil {
			return
		}
	}
}

// relayMessage copies a message. The last word of its line is its size, and with
// headers the last but one theirs.
func relayMessage(to io.Writer, in io.Reader, words []string, change func([]byte) []byte) error {
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
				lines[i] = change(line)
			}
		}
		header = bytes.Join(lines, nil)
		words[n-2] = strconv.Itoa(len(header))
	}
	if strings.HasPrefix(words[1], "$JS.API.") || bytes.HasPrefix(message, []byte(`{"type":"io.nats.jetstream`)) {
		message = change(message)
	}
	words[n-1] = strconv.Itoa(len(header) + len(message) - len("\r\n"))
	_, err = fmt.Fprintf(to, "%s\r\n%s%s", strings.Join(words, " "), header, message)
	return err
}

func shifted(text []byte, by time.Duration) []byte {
	return stamp.ReplaceAllFunc(text, func(old []byte) []byte {
		at, err := time.Parse(time.RFC3339Nano, string(old))
		if err != nil || at.IsZero() {
			return old
		}
		return []byte(at.Add(by).Format(time.RFC3339Nano))
	})
}
