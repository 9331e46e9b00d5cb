package testbed

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
)

// StartLimited starts a broker and sets it up, and also returns the view of a
// user who may publish anything but to these subjects.
func StartLimited(t testing.TB, denied ...string) (b *Bed, limited jetstream.JetStream) {
	t.Helper()
	broker := brokertest.Start(t, func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "operator", Password: "operator"},
			{Username: "limited", Password: "limited", Permissions: &server.Permissions{
				Publish: &server.SubjectPermission{Deny: denied},
			}},
		}
		o.NoAuthUser = "operator"
	})
	b = On(t, broker.URL())
	b.Broker = broker
	limited, err := jetstream.New(broker.Connect(nats.UserInfo("limited", "limited")))
	require.NoError(t, err)
	return b, limited
}
