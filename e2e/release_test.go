package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/service"
)

// One version is in the source code. Each file that repeats it has the same one.
func TestRelease_IsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	for file, pattern := range map[string]string{
		"Dockerfile":              `(?m)^ARG VERSION=(.*)$`,
		"docker-compose.yml":      `VERSION: "\$\{VERSION:-(.*?)\}"`,
		"deploy/compose/tls.yaml": `VERSION: "\$\{VERSION:-(.*?)\}"`,
		"docs/compose.md":         "(?m)^\\| `VERSION` \\| `dev`, `(.*?)` \\|",
		"CONTRIBUTING.md":         `(?m)^console (v\S+) …`,
		"SECURITY.md":             `requestor:(v\S+)`,
	} {
		content, err := os.ReadFile(filepath.Join("..", file))
		require.NoError(t, err)
		found := regexp.MustCompile(pattern).FindAllSubmatch(content, -1)
		require.Len(t, found, 1, "%s: matches of %s", file, pattern)
		require.Equal(t, service.Release, string(found[0][1]), file)
	}
}

// The newest section of the changelog is the release, below what is not released
// yet.
func TestRelease_IsTheNewestOfTheChangelog(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../CHANGELOG.md")
	require.NoError(t, err)
	sections := regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(string(content), -1)
	require.Greater(t, len(sections), 2)
	require.Equal(t, "Unreleased", sections[0][1])
	for _, section := range sections[1:] {
		require.Regexp(t, `^\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d$`, section[1])
	}
	require.Equal(t, service.Release, "v"+strings.Fields(sections[1][1])[0])
}

func TestPrograms_PrintTheirVersion(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("all that runs are processes of their own")
	}
	dir, err := builtPrograms()
	require.NoError(t, err)
	for _, path := range pagePrograms {
		name := filepath.Base(path)
		out, err := exec.Command(filepath.Join(dir, "bin-"+name), "--version").Output()
		require.NoError(t, err, name)
		require.Regexp(t, "^"+name+" "+regexp.QuoteMeta(service.Release)+` \(commit [0-9a-z]+\)\n$`, string(out))
	}
}
