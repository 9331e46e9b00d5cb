package permissions_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/credentials"
	"decoupled.example/shared/topology"
)

// askable is, for each user, a request for a stored message that the user may
// send and the broker answers.
var askable = map[string]string{
	topology.Requestor:   "$JS.API.DIRECT.GET.KV_" + topology.Asked,
	topology.Generator:   "$JS.API.DIRECT.GET.KV_" + topology.Generated,
	credentials.Operator: "$JS.API.DIRECT.GET.KV_" + topology.Asked,
	credentials.Observer: "$JS.API.DIRECT.GET.KV_" + topology.Stored,
}

// The broker publishes its answer to a request with its own permissions. It
// refuses a request whose reply subject is one of JetStream's, because the
// answer would then be an API call or an ack on behalf of that user.
func TestReply_BrokerRefusesJetStreamSubjects(t *testing.T) {
	t.Parallel()
	b := start(t)
	js := b.jetStream(credentials.Operator)
	for user, ask := range askable {
		for _, reply := range expand(
			"$JS.API.STREAM.{DELETE,PURGE,UPDATE,CREATE,MSG.DELETE}.{REQUESTS,KV_asked}",
			"$JS.API.CONSUMER.{DELETE,PAUSE,RESET,MSG.NEXT}.RESPONSES.requestor",
			"$JS.ACK.RESPONSES.requestor.1.1.1.1.1", "$JS.ACK.x.x.RESPONSES.requestor.1.1.1.1.1",
			"$JS.FC.REQUESTS.generator.x", "$JS.EVENT.ADVISORY.x", "$JS.domain.API.STREAM.DELETE.REQUESTS",
		) {
			err := b.try(user, func(nc *nats.Conn) error { return nc.PublishRequest(ask, reply, []byte(`{"seq":999999999}`)) })
			require.ErrorContains(t, err, "Publish with Reply", "%s requests an answer to %s", user, reply)
		}
	}
	for _, stream := range []string{topology.Requests, topology.Responses, topology.Receipts, "KV_" + topology.Asked} {
		_, err := js.Stream(t.Context(), stream)
		require.NoError(t, err, stream)
	}
}

// The broker does not check any other reply subject. A hostile client can
// therefore make it publish an answer, and with it content that the client has
// stored, to a queue or ledger that the client may not publish to. users.conf
// and docs/security.md name this limit. If a later broker prevents it, this test fails
// and the limit can be removed.
func TestReply_BrokerPublishesAnswersToSubjectsDeniedToTheUser(t *testing.T) {
	t.Parallel()
	b := start(t)
	js := b.jetStream(credentials.Operator)
	store := func(user, subject, content string) {
		t.Helper()
		require.NoError(t, b.try(user, func(nc *nats.Conn) error {
			_, err := nc.Request(subject, []byte(content), patience)
			return err
		}))
	}
	store(topology.Requestor, "$KV."+topology.Asked+".id", "asked")
	store(topology.Requestor, "$KV."+topology.Stored+".id", "stored")
	store(topology.Generator, "$KV."+topology.Generated+".id", "generated")

	for _, attempt := range []struct{ user, stream, subject string }{
		{topology.Requestor, topology.Responses, "strings.response"},
		{topology.Requestor, "KV_" + topology.Generated, "$KV." + topology.Generated + ".forged"},
		{topology.Generator, topology.Requests, "strings.request"},
		{topology.Generator, "KV_" + topology.Stored, "$KV." + topology.Stored + ".forged"},
		{topology.Generator, topology.DeadLetters, "dead.RESPONSES.forged"},
		{credentials.Observer, topology.Receipts, "strings.received-ack"},
		{credentials.Observer, "KV_" + topology.Received, "$KV." + topology.Received + ".forged"},
	} {
		lastSequence := func() uint64 {
			stream, err := js.Stream(t.Context(), attempt.stream)
			require.NoError(t, err)
			return stream.CachedInfo().State.LastSeq
		}
		before := lastSequence()
		require.Error(t, b.try(attempt.user, func(nc *nats.Conn) error { return nc.Publish(attempt.subject, []byte("-")) }),
			"%s may not publish to %s", attempt.user, attempt.subject)
		require.NoError(t, b.try(attempt.user, func(nc *nats.Conn) error {
			return nc.PublishRequest(askable[attempt.user], attempt.subject, []byte(`{"seq":1}`))
		}))
		require.Eventually(t, func() bool { return lastSequence() == before+1 }, patience, 20*time.Millisecond,
			"the broker publishes to %s for %s", attempt.subject, attempt.user)
	}

	// What the broker publishes is what the client chose.
	stored, err := js.Stream(t.Context(), "KV_"+topology.Stored)
	require.NoError(t, err)
	forged, err := stored.GetMsg(t.Context(), stored.CachedInfo().State.LastSeq)
	require.NoError(t, err)
	require.Equal(t, "generated", string(forged.Data))
}
