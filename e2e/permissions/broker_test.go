package permissions_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/credentials"
	"decoupled.example/console/setup"
	demo "decoupled.example/demo/broker"
	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/topology"
)

// patience bounds every wait. No test waits for it unless it fails.
const patience = 60 * time.Second

// broker is a nats-server with the configuration of deploy/nats, and passwords
// of its own.
type broker struct {
	*brokertest.Broker
	t   testing.TB
	dir string // as console credentials leaves it
}

// start starts a broker with that configuration file of deploy/nats, and sets up
// the queues.
func start(t testing.TB, change ...brokertest.Option) *broker {
	t.Helper()
	b := &broker{t: t, dir: t.TempDir()}
	b.Broker = brokertest.Start(t, append([]brokertest.Option{b.configure}, change...)...)
	_, err := setup.Apply(t.Context(), b.jetStream(credentials.Operator), topology.Settings{AckWait: time.Second})
	require.NoError(t, err)
	return b
}

// configure makes the options those of the file. Only where it listens and where
// it stores is the test's.
func (b *broker) configure(o *server.Options) {
	b.t.Helper()
	loaded, err := demo.Configuration(b.dir)
	require.NoError(b.t, err)
	loaded.Host, loaded.Port = o.Host, o.Port
	loaded.StoreDir, loaded.NoSigs, loaded.NoLog = o.StoreDir, true, true
	*o = *loaded
}

// secret is the file with a user's password.
func (b *broker) secret(user string) string {
	return filepath.Join(b.dir, user, credentials.PasswordFile)
}

func (b *broker) login(user string) nats.Option {
	b.t.Helper()
	password, err := os.ReadFile(b.secret(user))
	require.NoError(b.t, err)
	return nats.UserInfo(user, strings.TrimSpace(string(password)))
}

// as connects as a user, as the programs do.
func (b *broker) as(user string) *nats.Conn {
	b.t.Helper()
	return b.Connect(b.login(user), nats.CustomInboxPrefix("_INBOX_"+user), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
}

func (b *broker) jetStream(user string) jetstream.JetStream {
	b.t.Helper()
	js, err := jetstream.New(b.as(user))
	require.NoError(b.t, err)
	return js
}
