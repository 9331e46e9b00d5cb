package permissions_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/credentials"
	"decoupled.example/shared/topology"
)

// The permissions do not stop a program that means harm, and users.conf says so:
// the broker checks what a user publishes to and not where it wants the answer,
// and sends the answer as itself. When a broker checks that, too, this test
// fails, and the limit is none any more.
func TestTheBrokerSendsAnswersWhereTheirUserMayNotPublish(t *testing.T) {
	t.Parallel()
	b := start(t)
	js := b.jetStream(credentials.Operator)
	for user, may := range map[string]struct{ ask, delete string }{
		topology.Requestor:   {"$JS.API.DIRECT.GET.KV_" + topology.Asked, topology.Requests},
		topology.Generator:   {"$JS.API.DIRECT.GET.KV_" + topology.Generated, topology.Responses},
		credentials.Observer: {"$JS.API.DIRECT.GET.KV_" + topology.Stored, topology.Receipts},
	} {
		forbidden := "$JS.API.STREAM.DELETE." + may.delete
		require.Error(t, b.try(user, func(nc *nats.Conn) error { return nc.Publish(forbidden, nil) }))
		_, err := js.Stream(t.Context(), may.delete)
		require.NoError(t, err, "%s deletes nothing by itself", user)

		// "Message not found", which the broker says to itself, is as good as nothing.
		require.NoError(t, b.try(user, func(nc *nats.Conn) error { return nc.PublishRequest(may.ask, forbidden, []byte(`{"seq":999999999}`)) }))
		require.Eventually(t, func() bool {
			_, err := js.Stream(t.Context(), may.delete)
			return errors.Is(err, jetstream.ErrStreamNotFound)
		}, patience, 50*time.Millisecond, "%s has the broker delete %s", user, may.delete)
	}
}

// What it does check is that nobody has it acknowledge a message of others.
func TestTheBrokerSendsNoAnswerAsAnAcknowledgement(t *testing.T) {
	t.Parallel()
	b := start(t)
	for user, ask := range map[string]string{
		topology.Requestor:   "$JS.API.DIRECT.GET.KV_" + topology.Asked,
		topology.Generator:   "$JS.API.DIRECT.GET.KV_" + topology.Generated,
		credentials.Observer: "$JS.API.DIRECT.GET.KV_" + topology.Stored,
	} {
		err := b.try(user, func(nc *nats.Conn) error {
			return nc.PublishRequest(ask, "$JS.ACK.RESPONSES.requestor.1.1.1.1.1", []byte(`{"seq":999999999}`))
		})
		require.ErrorContains(t, err, "Publish with Reply", user)
	}
}
