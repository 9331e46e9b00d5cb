package permissions_test

import (
	"bufio"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/credentials"
	"decoupled.example/shared/topology"
)

// dashboard runs a dashboard as a user until the test ends, and returns its
// address.
func (b *broker) dashboard(user string) string {
	b.t.Helper()
	cmd := b.command("console", user, "dashboard", "--listen", "127.0.0.1:0")
	said, stdout := io.Pipe()
	cmd.Stdout, cmd.Stderr = stdout, stdout
	require.NoError(b.t, cmd.Start())
	b.t.Cleanup(func() { _ = cmd.Wait() }) // with the test's context it was told to stop
	lines := bufio.NewScanner(said)
	require.True(b.t, lines.Scan())
	go func() { _, _ = io.Copy(io.Discard, said) }()
	address := regexp.MustCompile(`http://[0-9.:]+\d`).FindString(lines.Text())
	require.NotEmpty(b.t, address, lines.Text())
	return address
}

// The dashboard sees everything with the rights of either user, and what only the
// operator may do the observer is told.
func TestTheDashboardNeedsNoMore(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.service(topology.Generator)
	b.does(credentials.Operator, "send", "--malformed")
	b.does(credentials.Operator, "send", "3")
	for _, user := range []string{credentials.Operator, credentials.Observer} {
		t.Run(user, func(t *testing.T) {
			t.Parallel()
			address := (&broker{Broker: b.Broker, t: t, dir: b.dir}).dashboard(user)
			shows := func(text string) {
				t.Helper()
				require.Eventually(t, func() bool { return strings.Contains(page(t, address), text) }, patience, 50*time.Millisecond, text)
			}
			shows(`id="letter-1-`)
			shows("in RESPONSES") // nobody stores
			shows("● live")
			answer, err := http.PostForm(address+"/pause", url.Values{"queue": {topology.Responses}})
			require.NoError(t, err)
			answer.Body.Close()
			if user == credentials.Operator {
				shows("RESPONSES is paused until it is resumed")
				return
			}
			shows("ermissions") // Permissions Violation for Publish
		})
	}
}

func page(t *testing.T, address string) string {
	t.Helper()
	answer, err := http.Get(address)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(body)
}
