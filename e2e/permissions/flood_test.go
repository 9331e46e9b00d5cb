package permissions_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/credentials"
	"decoupled.example/shared/topology"
)

// While one user sends as fast as the broker takes it, allowed or not, the others
// work.
func TestFloodStopsNoOtherUser(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.service(topology.Requestor, "--rate", "0")
	b.service(topology.Generator)

	ctx, stop := context.WithCancel(t.Context())
	var flood sync.WaitGroup
	for _, subject := range []string{"strings.received-ack", "$JS.API.STREAM.PURGE.REQUESTS", "$JS.API.CONSUMER.INFO.RESPONSES.requestor"} {
		nc := b.as(topology.Requestor)
		flood.Go(func() {
			for ctx.Err() == nil {
				for range 100 {
					_ = nc.PublishRequest(subject, "_INBOX_requestor.flood", []byte("flood")) // that it arrives is not the point
				}
				_ = nc.FlushTimeout(patience)
			}
		})
	}
	defer flood.Wait()
	defer stop()
	b.does(credentials.Operator, "send", "100")
	observer := b.jetStream(credentials.Observer)
	require.Eventually(t, func() bool {
		generated, err := observer.Stream(t.Context(), "KV_"+topology.Generated)
		return err == nil && generated.CachedInfo().State.Msgs == 100
	}, patience, 50*time.Millisecond, "all is answered in spite of the flood")
}

// A message beyond the limit costs its sender the connection, and nobody else
// anything.
func TestGiantMessageStopsNoOtherUser(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.service(topology.Requestor, "--rate", "0")
	b.service(topology.Generator)
	password, err := os.ReadFile(b.secret(topology.Requestor))
	require.NoError(t, err)

	conn, answers := b.dial()
	_, err = fmt.Fprintf(conn, "CONNECT {\"user\":\"requestor\",\"pass\":%q}\r\nPUB strings.request 262145\r\n", strings.TrimSpace(string(password)))
	require.NoError(t, err)
	require.Contains(t, last(answers), "Maximum Payload Violation")

	b.does(credentials.Operator, "send", "100")
	b.does(credentials.Operator, "drain")
}

// Who does not log in, or not with the right password, gets nothing.
func TestNobodyWithoutCredentials(t *testing.T) {
	t.Parallel()
	b := start(t)
	for name, option := range map[string]nats.Option{
		"no credentials":   func(*nats.Options) error { return nil },
		"no password":      nats.UserInfo(credentials.Operator, ""),
		"a wrong password": nats.UserInfo(credentials.Operator, "operator"),
		"another user's password": func(o *nats.Options) error {
			err := b.login(topology.Requestor)(o)
			o.User = credentials.Operator
			return err
		},
		"no such user": nats.UserInfo("nobody", "x"),
		"the hash":     nats.UserInfo(credentials.Operator, b.hash(t)),
	} {
		_, err := nats.Connect(b.URL(), option)
		require.ErrorIs(t, err, nats.ErrAuthorization, name)
	}
	for _, line := range []string{"SUB > 1", "PUB strings.request 0\r\n", "PING", "CONNECT {}"} {
		conn, answers := b.dial()
		_, err := fmt.Fprintf(conn, "%s\r\n", line)
		require.NoError(t, err)
		require.Contains(t, last(answers), "Authorization Violation", line)
	}
}

// hash is what the broker has of the operator's password.
func (b *broker) hash(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(b.dir + "/" + credentials.BrokerFolder + "/" + credentials.UsersFile)
	require.NoError(t, err)
	_, after, ok := strings.Cut(string(content), "OPERATOR_PASSWORD: \"")
	require.True(t, ok)
	hash, _, _ := strings.Cut(after, "\"")
	return hash
}

// dial opens a bare connection, for what no client library would send.
func (b *broker) dial() (net.Conn, *bufio.Scanner) {
	b.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(b.URL(), "nats://"))
	require.NoError(b.t, err)
	b.t.Cleanup(func() { conn.Close() })
	require.NoError(b.t, conn.SetDeadline(time.Now().Add(patience)))
	return conn, bufio.NewScanner(conn)
}

// last is the last line before the broker closes the connection.
func last(answers *bufio.Scanner) (line string) {
	for answers.Scan() {
		line = answers.Text()
	}
	return line
}
