package permissions_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
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
	b.answers(100)
}

// answers sends that many requests, and waits until all are answered.
func (b *broker) answers(n int) {
	b.t.Helper()
	b.does(credentials.Operator, "send", strconv.Itoa(n))
	observer := b.jetStream(credentials.Observer)
	require.Eventually(b.t, func() bool {
		generated, err := observer.Stream(b.t.Context(), "KV_"+topology.Generated)
		return err == nil && generated.CachedInfo().State.Msgs == uint64(n)
	}, patience, 50*time.Millisecond, "all is answered in spite of the flood")
}

// One that fills its own ledger, with entries as large as they may be, stops
// nobody else either.
func TestFloodOfALedgerStopsNoOtherUser(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.service(topology.Generator)
	js := b.jetStream(topology.Requestor)
	_, err := js.Publish(t.Context(), "$KV.stored.large", make([]byte, 4<<10))
	require.NoError(t, err)
	for _, subject := range []string{"$KV.asked.larger", "$KV.stored.larger", "$KV.attempts.RESPONSES.1.1"} {
		_, err := js.Publish(t.Context(), subject, make([]byte, 4<<10+1))
		var refused *jetstream.APIError
		require.ErrorAs(t, err, &refused, subject)
		require.EqualValues(t, 10054, refused.ErrorCode, "%s takes messages that large: %v", subject, err)
	}

	ctx, stop := context.WithCancel(t.Context())
	var flood sync.WaitGroup
	nc := b.as(topology.Requestor)
	flood.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			_ = nc.Publish(fmt.Sprint("$KV.stored.flood-", i), make([]byte, 4<<10)) // that it arrives is not the point
			if i%100 == 0 {
				_ = nc.FlushTimeout(patience)
			}
		}
	})
	defer flood.Wait()
	defer stop()
	b.answers(100)
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
func TestBroker_RefusesClientsWithoutCredentials(t *testing.T) {
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
