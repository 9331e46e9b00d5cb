package e2e_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A service is built of itself and what is shared: not of the console, as it may
// not do what that does, not of the other service, and of nothing for tests.
func TestServicesDependOnNothingElse(t *testing.T) {
	t.Parallel()
	foreign := regexp.MustCompile(`^(testing|github\.com/stretchr/|github\.com/nats-io/nats-server/|decoupled\.example/.*test)`)
	for service, program := range map[string]string{
		"requestor": "decoupled.example/requestor/cmd/requestor",
		"generator": "decoupled.example/generator/cmd/generator",
	} {
		out, err := exec.Command("go", "list", "-deps", program).Output()
		require.NoError(t, err)
		dependencies := strings.Fields(string(out))
		require.Contains(t, dependencies, "decoupled.example/shared/queue", "it is the list that was meant")
		for _, one := range dependencies {
			require.NotRegexp(t, foreign, one, "%s depends on it", program)
			if module, ours := strings.CutPrefix(one, "decoupled.example/"); ours {
				require.Contains(t, []string{service, "shared"}, strings.Split(module, "/")[0], "%s depends on %s", program, one)
			}
		}
	}
}

// Test beds may be imported by tests, and by each other, alone.
func TestTestBeds_AreImportedByTestsAlone(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "work").Output()
	require.NoError(t, err)
	bed := regexp.MustCompile(`^decoupled\.example/.*/(brokertest|ledgertest|testbed)$`)
	beds := 0
	for line := range strings.Lines(string(out)) {
		packages := strings.Fields(line)
		if bed.MatchString(packages[0]) {
			beds++
			continue
		}
		for _, imported := range packages[1:] {
			require.NotRegexp(t, bed, imported, "%s imports it", packages[0])
			require.NotEqual(t, "testing", imported, "%s imports it", packages[0])
		}
	}
	require.Equal(t, 3, beds)
}
