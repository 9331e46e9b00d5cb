package main

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/internal/testbed"
	"decoupled.example/shared/topology"
)

// What the ledgers may no longer remember is redriven only when that is wanted,
// and does not hold up the others.
func TestDeadRedrive_Expired(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t, func(s *topology.Settings) { s.Keep = time.Second })
	url := b.Broker.URL()
	b.PlantDead(1)
	b.Eventually(func() bool { return len(b.Entries(topology.Asked)) == 0 }, "its entry has expired")
	b.PlantDead(1)
	code, stdout, stderr := console(t, url, "dead", "redrive", "--all")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, "redriven: 1\n")
	require.Contains(t, stderr, "1 are redriven, 1 are not: cannot redrive dead letter 1-")
	require.Contains(t, stderr, `redrive it with "console dead redrive --expired" if that is wanted`)

	require.Equal(t, map[string]int{"redriven": 1, "refused": 0, "incomplete": 0},
		decode[map[string]int](t, url, "dead", "redrive", "--all", "--expired"))
	require.Zero(t, b.Messages(topology.DeadLetters))
}

func TestDeadRedrive_ReportsOmittedHeaders(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	url := b.Broker.URL()
	for _, omitted := range []string{"", "3"} {
		_, err := b.JS.PublishMsg(b.Context(), &nats.Msg{
			Subject: "dead.REQUESTS.unknown", Header: nats.Header{"Dead-Subject": {topology.SubjectRequest}, "Dead-Omitted": {omitted}},
		})
		require.NoError(t, err)
	}
	require.NotContains(t, done(t, url, "dead", "show", "1"), "omitted")
	require.Contains(t, done(t, url, "dead", "show", "2"), "omitted    3 headers")
	require.Contains(t, done(t, url, "dead", "redrive", "--all"), "redriven: 2\n1 of them without headers")
}
