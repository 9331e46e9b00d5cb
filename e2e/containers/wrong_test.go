package containers_test

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is wrong is said, and when it is put right `up` brings everything up: a
// port that is taken, a secret that is missing, and one that is wrong.
func TestStack_ReportsAndRepairsFaults(t *testing.T) {
	t.Parallel()
	long(t)
	docker(t)
	composes(t)
	p := project{t: t, name: fmt.Sprintf("decoupled-test-wrong-%d", os.Getpid()), port: freePort(t), dashboard: freePort(t)}
	t.Cleanup(func() { p.compose("down", "--volumes", "--timeout", "1") })

	taken, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(p.port))
	require.NoError(t, err)
	defer taken.Close()
	_, said, err := p.try("up", "-d", "--wait")
	require.Error(t, err)
	require.Contains(t, said, "address already in use")
	require.Contains(t, said, strconv.Itoa(p.port))
	require.NoError(t, taken.Close())
	p.compose("up", "-d", "--wait")

	for what, spoil := range map[string]struct{ line, says string }{
		"missing": {"rm -f /secret/password", "no such file"},
		"wrong":   {"rm -f /secret/password; echo wrong >/secret/password", "Authorization Violation"},
	} {
		require.NoError(t, run("run", "--rm", "--volume", p.name+"_requestor-secret:/secret", "--entrypoint", "sh", brokerImage, "-c", spoil.line))
		p.compose("up", "-d", "--no-deps", "--force-recreate", "requestor")
		require.Eventually(t, func() bool {
			return strings.Contains(p.compose("logs", "requestor"), spoil.says)
		}, patience, tick, "the requestor says that its secret is %s", what)

		p.compose("up", "-d")
		p.compose("restart", "nats")
		p.compose("up", "-d", "--wait")
	}
	p.compose("run", "--rm", "console", "send", "10")
	p.compose("run", "--rm", "console", "drain")
}
