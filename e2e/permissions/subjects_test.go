package permissions_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/credentials"
	"decoupled.example/shared/topology"
)

// What each user may publish, of all subjects that mean something to the broker
// or to the services. In a list "{a,b}" stands for each of them.
var mayPublish = map[string][]string{
	topology.Requestor: {
		"strings.{request,received-ack}",
		"$JS.API.CONSUMER.{INFO,MSG.NEXT}.RESPONSES.requestor",
		"$JS.ACK.RESPONSES.requestor.1.1.1.1.1", "$JS.ACK.x.x.RESPONSES.requestor.1.1.1.1.1",
		"dead.RESPONSES.id",
		"$KV.attempts.RESPONSES.1.1", "$JS.API.{STREAM.MSG,DIRECT}.GET.KV_attempts",
		"$JS.API.DIRECT.GET.DEAD_LETTERS.dead.RESPONSES.1",
		"$KV.{asked,stored}.id", "$JS.API.{DIRECT.GET,STREAM.MSG.GET}.KV_{asked,stored}",
	},
	topology.Generator: {
		"strings.response",
		"$JS.API.CONSUMER.{INFO,MSG.NEXT}.{REQUESTS,RECEIPTS}.generator",
		"$JS.ACK.{REQUESTS,RECEIPTS}.generator.1.1.1.1.1", "$JS.ACK.x.x.{REQUESTS,RECEIPTS}.generator.1.1.1.1.1",
		"dead.{REQUESTS,RECEIPTS}.id",
		"$KV.attempts.{REQUESTS,RECEIPTS}.1.1", "$JS.API.{STREAM.MSG,DIRECT}.GET.KV_attempts",
		"$JS.API.DIRECT.GET.DEAD_LETTERS.dead.{REQUESTS,RECEIPTS}.1",
		"$KV.{generated,received}.id", "$JS.API.{DIRECT.GET,STREAM.MSG.GET}.KV_{generated,received}",
	},
	credentials.Operator: slices.Concat(observes, []string{
		"$JS.API.STREAM.{CREATE,UPDATE,PURGE}." + allStreams,
		"$JS.API.CONSUMER.{CREATE,PAUSE,RESET}.{REQUESTS.generator,RESPONSES.requestor,RECEIPTS.generator}",
		"strings.{request,response,received-ack}", "$KV.asked.id",
		"$JS.API.STREAM.MSG.DELETE.DEAD_LETTERS",
	}),
	credentials.Observer: observes,
}

// maySubscribe is the same for subscriptions.
var maySubscribe = map[string][]string{
	topology.Requestor: {"_INBOX_requestor.id", "_INBOX_requestor.>", "status.requestor", "$SRV.{PING,INFO,STATS}", "$SRV.{PING,INFO,STATS}.requestor", "$SRV.{PING,INFO,STATS}.requestor.id",
		"$JS.EVENT.ADVISORY.{STREAM.DELETED.RESPONSES,CONSUMER.DELETED.RESPONSES.requestor}"},
	topology.Generator: {"_INBOX_generator.id", "_INBOX_generator.>", "status.generator", "$SRV.{PING,INFO,STATS}", "$SRV.{PING,INFO,STATS}.generator", "$SRV.{PING,INFO,STATS}.generator.id",
		"$JS.EVENT.ADVISORY.STREAM.DELETED.{REQUESTS,RECEIPTS}", "$JS.EVENT.ADVISORY.CONSUMER.DELETED.{REQUESTS,RECEIPTS}.generator"},
	credentials.Operator: {"_INBOX_operator.id", "_INBOX_operator.>"},
	credentials.Observer: {"_INBOX_observer.id", "_INBOX_observer.>"},
}

const (
	allStreams = "{REQUESTS,RESPONSES,RECEIPTS,DEAD_LETTERS,KV_asked,KV_generated,KV_stored,KV_received,KV_attempts}"
	// anyStream is each of them and two that the deployment does not have.
	anyStream = "{REQUESTS,RESPONSES,RECEIPTS,DEAD_LETTERS,KV_asked,KV_generated,KV_stored,KV_received,KV_attempts,OTHER,KV_other}"
)

// observes is what the observer may publish.
var observes = []string{
	"$JS.API.STREAM.INFO." + allStreams,
	"$JS.API.CONSUMER.INFO.{REQUESTS.generator,RESPONSES.requestor,RECEIPTS.generator}",
	"$JS.API.STREAM.MSG.GET.{DEAD_LETTERS,KV_asked,KV_generated,KV_stored,KV_received}",
	"$JS.API.DIRECT.GET.{DEAD_LETTERS,KV_asked,KV_generated,KV_stored,KV_received}",
	"status.{requestor,generator}",
	"$SRV.{PING,INFO,STATS}",
}

// published are all subjects that are tried for each user.
var published = []string{
	"strings.{request,response,received-ack,other}", "strings",
	"dead.{REQUESTS,RESPONSES,RECEIPTS,OTHER}.id", "dead.REQUESTS", "dead.RESPONSES.id.more",
	"$KV.{asked,generated,stored,received,other}.id", "$KV.{asked,stored}.id.more",
	"$KV.attempts.{REQUESTS,RESPONSES,RECEIPTS}.1.1", "$KV.attempts.id",
	"$JS.API.{INFO,ACCOUNT.INFO,STREAM.NAMES,STREAM.LIST,META.LEADER.STEPDOWN,SERVER.REMOVE,ACCOUNT.PURGE.x,ACCOUNT.STREAM.MOVE.x.x}",
	"$JS.API.STREAM.{INFO,CREATE,UPDATE,DELETE,PURGE,SNAPSHOT,RESTORE,MSG.GET,MSG.DELETE,LEADER.STEPDOWN,PEER.REMOVE}." + anyStream,
	"$JS.API.DIRECT.GET." + anyStream, "$JS.API.DIRECT.GET.KV_asked.$KV.asked.id",
	"$JS.API.DIRECT.GET.DEAD_LETTERS.dead.{REQUESTS,RESPONSES,RECEIPTS}.1", "$JS.API.DIRECT.GET.DEAD_LETTERS.dead.REQUESTS.1.more",
	"$JS.API.CONSUMER.{NAMES,LIST}." + anyStream,
	"$JS.API.CONSUMER.{INFO,CREATE,DURABLE.CREATE,DELETE,MSG.NEXT,PAUSE,RESET,UNPIN,LEADER.STEPDOWN}.{REQUESTS,RESPONSES,RECEIPTS,DEAD_LETTERS,KV_asked,OTHER}.{requestor,generator,other}",
	"$JS.API.CONSUMER.CREATE.{REQUESTS,KV_asked}", "$JS.API.CONSUMER.CREATE.REQUESTS.generator.filter",
	"$JS.ACK.{REQUESTS,RESPONSES,RECEIPTS}.{requestor,generator}.1.1.1.1.1", "$JS.ACK.x.x.{REQUESTS,RESPONSES,RECEIPTS}.{requestor,generator}.1.1.1.1.1",
	"$JS.FC.REQUESTS.generator.x", "$JS.EVENT.ADVISORY.x", "$SYS.REQ.SERVER.PING", "$SYS.REQ.ACCOUNT.PING.CONNZ",
	"status.{requestor,generator,other}",
	"$SRV.{PING,INFO,STATS}", "$SRV.{PING,INFO,STATS}.{requestor,generator}",
	"_INBOX.id", "_INBOX_{requestor,generator,operator,observer}.id",
	"anything",
}

// subscribed are all that is tried to subscribe to.
var subscribed = []string{
	">", "*", "*.>", "_INBOX.>", "_INBOX.id", "_INBOX_{requestor,generator,operator,observer}.{id,>}",
	"strings.{request,response,received-ack,>}", "dead.>", "$KV.>", "$KV.{asked,generated,stored,received,attempts}.>",
	"$JS.>", "$JS.API.>", "$JS.ACK.>", "$JS.EVENT.ADVISORY.>", "$SYS.>",
	"$JS.EVENT.ADVISORY.STREAM.{DELETED,CREATED}.{REQUESTS,RESPONSES,RECEIPTS,OTHER}", "$JS.EVENT.ADVISORY.CONSUMER.DELETED.{REQUESTS,RESPONSES,RECEIPTS}.{requestor,generator}",
	"status.{requestor,generator,*,>}",
	"$SRV.>", "$SRV.{PING,INFO,STATS}", "$SRV.{PING,INFO,STATS}.{requestor,generator}", "$SRV.{PING,INFO,STATS}.{requestor,generator}.id",
}

func TestEachUserMayPublishThisAndNothingElse(t *testing.T) {
	t.Parallel()
	b := start(t)
	for _, user := range credentials.Users {
		allowed := expand(mayPublish[user]...)
		for _, subject := range expand(published...) {
			err := b.try(user, func(nc *nats.Conn) error { return nc.Publish(subject, []byte("-")) })
			require.Equal(t, slices.Contains(allowed, subject), err == nil, "%s publishes to %s: %v", user, subject, err)
		}
		require.Subset(t, expand(published...), allowed, "what is not tried shows nothing")
	}
}

func TestEachUserMaySubscribeToThisAndNothingElse(t *testing.T) {
	t.Parallel()
	b := start(t)
	for _, user := range credentials.Users {
		allowed := expand(maySubscribe[user]...)
		for _, subject := range expand(subscribed...) {
			err := b.try(user, func(nc *nats.Conn) error { _, err := nc.SubscribeSync(subject); return err })
			require.Equal(t, slices.Contains(allowed, subject), err == nil, "%s subscribes to %s: %v", user, subject, err)
		}
		require.Subset(t, expand(subscribed...), allowed, "what is not tried shows nothing")
	}
}

// try does something as a user, over a connection of its own, and returns what
// the broker says to it.
func (b *broker) try(user string, do func(nc *nats.Conn) error) error {
	b.t.Helper()
	nc := b.as(user)
	defer nc.Close()
	require.NoError(b.t, do(nc))
	require.NoError(b.t, nc.FlushTimeout(patience)) // its answer comes after that of the broker to what was done
	err := nc.LastError()
	if err != nil {
		require.ErrorIs(b.t, err, nats.ErrPermissionViolation)
	}
	return err
}

// expand writes out what is in braces.
func expand(patterns ...string) (all []string) {
	for _, pattern := range patterns {
		before, rest, ok := strings.Cut(pattern, "{")
		if !ok {
			all = append(all, pattern)
			continue
		}
		choices, after, ok := strings.Cut(rest, "}")
		if !ok {
			panic(fmt.Sprintf("a brace is missing in %q", pattern))
		}
		for choice := range strings.SplitSeq(choices, ",") {
			all = append(all, expand(before+choice+after)...)
		}
	}
	return all
}
