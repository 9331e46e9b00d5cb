package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// The manifest decodes, and fits the others of deploy/kubernetes, in the tests of
// e2e/manifests.
func TestCredentialsForKubernetesFitTogether(t *testing.T) {
	t.Parallel()
	printed := func() string {
		var out, errs strings.Builder
		require.Equal(t, exitDone, execute(t.Context(), []string{"credentials", "--kubernetes"}, &out, &errs), errs.String())
		return out.String()
	}
	manifest := printed()
	require.NotEqual(t, manifest, printed(), "each time they are others")
	for _, user := range []string{"requestor", "generator", "operator", "observer"} {
		password := regexp.MustCompile(`(?s)name: ` + user + `\n.*?password: \|\n    (\w{26})\n`).FindStringSubmatch(manifest)
		require.NotNil(t, password, user)
		hash := regexp.MustCompile(strings.ToUpper(user) + `_PASSWORD: "(.*)"`).FindStringSubmatch(manifest)
		require.NotNil(t, hash, user)
		require.NoError(t, bcrypt.CompareHashAndPassword([]byte(hash[1]), []byte(password[1])), user)
	}
}

func TestCredentialsMustGoSomewhere(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"credentials"}, {"credentials", "--kubernetes", "--dir", t.TempDir()}} {
		var out, errs strings.Builder
		require.Equal(t, exitUsage, execute(t.Context(), args, &out, &errs))
		require.Contains(t, errs.String(), "--kubernetes")
	}
}
