package service_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/service"
)

// limited is a user that may do little.
func limited(publish, subscribe []string) *server.User {
	return &server.User{Username: "worker", Password: "s3cret", Permissions: &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: publish},
		Subscribe: &server.SubjectPermission{Allow: subscribe},
	}}
}

func login(b *brokertest.Broker) service.Broker {
	return service.Broker{URL: b.URL(), User: "worker", Password: "s3cret"}
}

func TestDeniedSubjectsAreNamed(t *testing.T) {
	t.Parallel()
	b, _ := users(t, limited([]string{"allowed"}, []string{"_INBOX_tester.>"}))
	nc, log := connect(t, login(b))

	require.NoError(t, nc.Publish("strings.request", nil))
	_, err := nc.SubscribeSync("strings.response")
	require.NoError(t, err)
	_, err = nc.QueueSubscribeSync("strings.received-ack", "group")
	require.NoError(t, err)

	log.await(t, `NATS does not allow user \"worker\" to publish to strings.request`)
	log.await(t, `NATS does not allow user \"worker\" to subscribe to strings.response`)
	log.await(t, `NATS does not allow user \"worker\" to subscribe to strings.received-ack`)
	require.NotContains(t, log.String(), "_INBOX", "its own inboxes are allowed")
	require.NotContains(t, log.String(), "s3cret")
}

func TestAPermissionLostWhileRunningIsNamed(t *testing.T) {
	t.Parallel()
	b, reload := users(t, limited([]string{"strings.request"}, []string{"strings.response"}))
	nc, log := connect(t, login(b))
	_, err := nc.SubscribeSync("strings.response")
	require.NoError(t, err)
	require.NoError(t, nc.Publish("strings.request", nil))
	require.NoError(t, nc.Flush())
	require.Empty(t, log.with("does not allow"))

	reload(limited([]string{"elsewhere"}, []string{"elsewhere"}))
	log.await(t, "does not allow", "to subscribe to strings.response")
	require.NoError(t, nc.Publish("strings.request", nil))
	log.await(t, "does not allow", "to publish to strings.request")
}

func TestDenialsDoNotFloodTheLog(t *testing.T) {
	t.Parallel()
	b, _ := users(t, limited([]string{"allowed"}, []string{"_INBOX_tester.>"}))
	nc, log := connect(t, login(b))
	for i := range 2000 {
		require.NoError(t, nc.Publish("always.the.same", nil))
		require.NoError(t, nc.Publish(fmt.Sprintf("another.%d", i), nil))
	}
	require.NoError(t, nc.Flush())

	nc.Close() // which ends the period, too
	log.await(t, "always.the.same (again)", `"times":`)
	log.await(t, "left out")
	require.Less(t, len(log.with("does not allow")), 100)
}

func TestLink_LogsNothingAfterStopped(t *testing.T) {
	t.Parallel()
	b, _ := users(t, limited([]string{"allowed"}, []string{"_INBOX_tester.>"}))
	p := boot(t, func(_ context.Context, s *service.Service) error {
		for range 100 {
			if err := s.Conn.Publish("denied", nil); err != nil {
				return err
			}
		}
		return nil
	}, "--nats-url", b.URL(), "--nats-user=worker", "--nats-password=s3cret")
	require.Zero(t, p.exit())
	all := p.log.with("message")
	require.Contains(t, all[len(all)-1], "stopped")
	require.Contains(t, all[len(all)-2], "(again)")
}

func TestDroppedMessagesAreNamed(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core)
	nc, log := connect(t, service.Broker{URL: b.URL()})
	sub, err := nc.SubscribeSync("slow")
	require.NoError(t, err)
	require.NoError(t, sub.SetPendingLimits(1, -1))
	for range 3 {
		require.NoError(t, nc.Publish("slow", nil))
	}
	log.await(t, "messages of slow were dropped", `"dropped":`)
}

func TestErrorsWithoutAKnownKindAreLoggedToo(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, core, func(o *server.Options) { o.MaxSubs = 1 })
	nc, log := connect(t, service.Broker{URL: b.URL()})
	for i := range 3 {
		_, err := nc.Subscribe(fmt.Sprintf("s%d", i), func(*nats.Msg) {})
		require.NoError(t, err)
	}
	line := log.await(t, "NATS reports an error")
	require.Contains(t, strings.ToLower(line), "maximum subscriptions exceeded")
}
