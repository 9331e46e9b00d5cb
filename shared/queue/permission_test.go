package queue_test

import (
	"context"
	"errors"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

// Everything that a queue does is done with what Client says is needed.
func TestLeastPrivilege(t *testing.T) {
	t.Parallel()
	may := func(publish ...string) *server.Permissions {
		return &server.Permissions{
			Publish: &server.SubjectPermission{Allow: publish},
			Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>",
				"$JS.EVENT.ADVISORY.STREAM.DELETED.REQUESTS", "$JS.EVENT.ADVISORY.CONSUMER.DELETED.REQUESTS.generator"}},
		}
	}
	f := start(t, topology.Settings{AckWait: never}, func(o *server.Options) {
		o.NoAuthUser = "operator"
		o.Users = []*server.User{
			{Username: "operator", Password: "x"},
			{Username: "publisher", Password: "x", Permissions: may("strings.request")},
			{Username: "consumer", Password: "x", Permissions: may(
				"$JS.API.CONSUMER.INFO.REQUESTS.generator",
				"$JS.API.CONSUMER.MSG.NEXT.REQUESTS.generator",
				"$JS.ACK.REQUESTS.generator.>", "$JS.ACK.*.*.REQUESTS.generator.>",
				"dead.REQUESTS.*", "$JS.API.DIRECT.GET.DEAD_LETTERS.dead.REQUESTS.*",
				"$JS.API.DIRECT.GET.KV_attempts",
				"$JS.API.STREAM.MSG.GET.KV_attempts", "$KV.attempts.REQUESTS.>",
			)},
		}
	})
	denied := func(user string) nats.Option {
		return func(o *nats.Options) error {
			o.User, o.Password = user, "x"
			o.AsyncErrorCB = func(_ *nats.Conn, _ *nats.Subscription, err error) { t.Error(err) }
			return nil
		}
	}
	publisher := f.requestsOver(f.connect(denied("publisher")), patience)
	suspect := f.publish(publisher, 1)[0]
	f.suspicious(topology.Requests, topology.Generator)
	values := f.publish(publisher, 10)
	raw(t, f.url, topology.SubjectRequest, "NATS/1.0\r\n\r\n", "poison")

	h := newHandled()
	f.consume(f.requestsOver(f.connect(denied("consumer")), patience), func(ctx context.Context, batch []queue.Message[request]) error {
		if has(batch, values[5]) {
			return errors.New("bad")
		}
		return h.handle(ctx, batch)
	})
	f.drained()
	require.Equal(t, 1, h.of(suspect))
	require.Equal(t, 10, h.count())
	require.Len(t, f.letters(), 2)
	f.eventually(func() bool { return len(f.records()) == 0 }, "records are left")
}
