package e2e_test

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

const workflows = "../.github/workflows"

// A tag of an action can be moved to other code; a commit cannot. The comment
// names the version, for readers and for Dependabot.
func TestWorkflows_PinActionsToCommits(t *testing.T) {
	t.Parallel()
	pinned := regexp.MustCompile(`^(\./\S+|[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$`)
	files, err := filepath.Glob(workflows + "/*")
	require.NoError(t, err)
	uses := 0
	for _, path := range files {
		file, err := os.Open(path)
		require.NoError(t, err)
		t.Cleanup(func() { _ = file.Close() })
		for lines := bufio.NewScanner(file); lines.Scan(); {
			if _, action, found := strings.Cut(lines.Text(), "uses: "); found {
				require.Regexp(t, pinned, action, path)
				uses++
			}
		}
	}
	require.Greater(t, uses, 5)
}

// Without permissions of its own a job gets what the workflow grants: nothing.
func TestWorkflows_GrantPermissionsToJobsOnly(t *testing.T) {
	t.Parallel()
	granted := make(map[string]map[string]string)
	for _, name := range []string{"ci.yaml", "release.yaml"} {
		w := readWorkflow(t, name)
		require.NotNil(t, w.Permissions, "%s: permissions are missing, so that the repository's settings decide", name)
		require.Empty(t, w.Permissions, name)
		for job, settings := range w.Jobs {
			granted[name+" "+job] = settings.Permissions
		}
	}
	require.Equal(t, map[string]map[string]string{
		"ci.yaml checks":      {"contents": "read"},
		"release.yaml checks": {"contents": "read"},
		"release.yaml images": {"contents": "read", "packages": "write"},
	}, granted)
}

func TestWorkflows_RunAllChecksBeforeARelease(t *testing.T) {
	t.Parallel()
	require.True(t, slices.ContainsFunc(readWorkflow(t, "ci.yaml").Jobs["checks"].Steps, func(s step) bool { return s.Run == ".ci/run" }))
	release := readWorkflow(t, "release.yaml")
	require.Equal(t, "./.github/workflows/ci.yaml", release.Jobs["checks"].Uses)
	require.Equal(t, "checks", release.Jobs["images"].Needs)
}

func TestWorkflows_ReleaseEveryImage(t *testing.T) {
	t.Parallel()
	dockerfile, err := os.ReadFile("../Dockerfile")
	require.NoError(t, err)
	var programs []string
	for _, found := range regexp.MustCompile(`(?m)^ENTRYPOINT \["/(.*)"\]$`).FindAllStringSubmatch(string(dockerfile), -1) {
		programs = append(programs, found[1])
	}
	require.NotEmpty(t, programs)
	require.ElementsMatch(t, programs, readWorkflow(t, "release.yaml").Jobs["images"].Strategy.Matrix["program"])
}

func TestDependabot_UpdatesEveryModule(t *testing.T) {
	t.Parallel()
	modules, err := filepath.Glob("../.ci/*/go.mod")
	require.NoError(t, err)
	for i, path := range modules {
		modules[i] = strings.TrimPrefix(filepath.Dir(path), "..")
	}
	workspace, err := os.ReadFile("../go.work")
	require.NoError(t, err)
	for _, found := range regexp.MustCompile(`(?m)^\t\.(/.*)$`).FindAllStringSubmatch(string(workspace), -1) {
		modules = append(modules, found[1])
	}
	var configuration struct {
		Updates []struct {
			Ecosystem   string `json:"package-ecosystem"`
			Directories []string
		}
	}
	read(t, "../.github/dependabot.yml", &configuration)
	var updated []string
	for _, update := range configuration.Updates {
		if update.Ecosystem == "gomod" {
			updated = append(updated, update.Directories...)
		}
	}
	require.ElementsMatch(t, modules, updated, "the modules of go.work and .ci, and the directories in .github/dependabot.yml")
}

// The container of a development environment has the Go version of the images.
func TestDevcontainer_HasTheGoVersionOfTheImages(t *testing.T) {
	t.Parallel()
	var container struct {
		Features map[string]struct{ Version string }
	}
	read(t, "../.devcontainer/devcontainer.json", &container)
	version := container.Features["ghcr.io/devcontainers/features/go:1"].Version
	require.NotEmpty(t, version)
	dockerfile, err := os.ReadFile("../Dockerfile")
	require.NoError(t, err)
	require.Contains(t, string(dockerfile), " golang:"+version+".")
}

// workflow is the part of a GitHub workflow that the tests check.
type workflow struct {
	Permissions map[string]string
	Jobs        map[string]struct {
		Permissions map[string]string
		Uses, Needs string
		Strategy    struct{ Matrix map[string][]string }
		Steps       []step
	}
}

type step struct{ Run string }

func readWorkflow(t *testing.T, name string) (w workflow) {
	t.Helper()
	read(t, filepath.Join(workflows, name), &w)
	return w
}

// read reads a YAML or JSON file.
func read(t *testing.T, path string, to any) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(content, to), path)
}
