package permissions_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/credentials"
	"decoupled.example/console/deadletter"
	"decoupled.example/shared/topology"
)

// Nothing that the services and the operator do needs more than they have: a
// round trip, dead letters of all kinds, and every command of the console.
func TestServicesAndConsoleNeedNoMore(t *testing.T) {
	t.Parallel()
	b := start(t)
	const operator, observer = credentials.Operator, credentials.Observer
	b.does(operator, "setup", "--ack-wait", "1s")
	b.service(topology.Requestor, "--rate", "200", "--count", "200")
	b.service(topology.Generator, "--fail", "0.002", "--reject", "0.02") // those become dead letters; few that fail, as they are tried again later and later

	b.does(operator, "send", "500", "--duplicate")
	b.does(operator, "send", "--malformed")
	b.does(operator, "drain")
	dead := decode[[]deadletter.Message](t, b.does(operator, "dead", "list", "--json"))
	require.NotEmpty(t, dead)
	b.does(operator, "dead", "show", dead[0].RequestID)
	b.does(operator, "dead", "redrive", "--all")
	b.does(operator, "drain")
	b.does(operator, "dead", "discard", "--all")

	// Who may only look sees the same.
	require.Contains(t, b.does(observer, "status"), topology.Requestor)
	b.does(observer, "drain")
	sent := decode[struct {
		IDs []string `json:"ids"`
	}](t, b.does(operator, "send", "20", "--json"))
	b.does(observer, "drain")
	b.does(observer, "trace", sent.IDs[0])
	b.does(observer, "dead", "list")
	for _, user := range []string{operator, observer} {
		code, verdict, denied := b.console(user, "verify") // letters were discarded, so what was in them is lost
		require.Equal(t, 1, code, denied)
		require.Regexp(t, `lost +[1-9](.|\n)*\nFAILED`, verdict)
		require.NotContains(t, denied, "does not allow")
	}
	for _, queue := range topology.QueueNames {
		b.does(operator, "pause", queue)
		b.does(operator, "resume", queue)
	}
	b.does(operator, "reset", "--yes")
	b.does(operator, "setup", "--ack-wait", "2s", "--update")
}

// Whatever would change something is denied to the observer, who is told what.
func TestObserverChangesNothing(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.does(credentials.Operator, "send", "3")
	for _, args := range [][]string{
		{"send", "1"}, {"send", "--malformed"}, {"pause", "REQUESTS"}, {"resume", "REQUESTS"}, {"reset", "--yes", "--timeout", "2s"},
		{"setup", "--ack-wait", "3s", "--update"},
	} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := b.console(credentials.Observer, append(args, "--wait", "5s")...)
			require.Equal(t, 1, code, "%v: %s", args, stdout)
			require.Contains(t, stderr, `does not allow user "observer" to publish to`, "%v", args)
		})
	}
}

func decode[T any](t *testing.T, text string) (value T) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &value), text)
	return value
}
