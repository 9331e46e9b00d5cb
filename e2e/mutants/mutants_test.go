package mutants_test

import (
	"flag"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	apply = flag.Bool("mutants", false, "apply each mutant to a copy of the code and run the tests that must fail")
	since = flag.String("mutants.since", "", "with -mutants: only those of files changed since this commit, and a tenth of the others")
)

// root is the root of the repository.
const root = "../.."

var mutants = slices.Concat(publishMutants, queueMutants, serviceMutants, otherMutants)

// A replacement that no longer fits the code proves nothing.
func TestMutants_FitTheCode(t *testing.T) {
	t.Parallel()
	require.NotEmpty(t, mutants)
	names := make(map[string]bool)
	for _, m := range mutants {
		_, err := m.apply(root)
		require.NoError(t, err, m.breaks)
		require.False(t, names[m.name()], "two mutants are called %q", m.name())
		names[m.name()] = true
		require.NotEmpty(t, m.red, m.breaks)
		for pkg, tests := range m.tests() {
			for _, test := range tests {
				require.True(t, declared(t, pkg, test), "%s: there is no test %s in %s", m.breaks, test, pkg)
			}
		}
	}
}

// declared reports whether a package has a test of that name.
func declared(t *testing.T, pkg, test string) bool {
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pkg), "*_test.go"))
	require.NoError(t, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.Contains(string(content), "\nfunc "+test+"(t *testing.T)") {
			return true
		}
	}
	return false
}

func TestMutants(t *testing.T) { //nolint:paralleltest // one at a time, in one copy
	if !*apply {
		t.Skip("takes long: see -mutants")
	}
	chosen := mutants
	if *since != "" {
		changed := strings.Fields(git(t, "diff", "--name-only", *since))
		chosen = slices.DeleteFunc(slices.Clone(mutants), func(m mutant) bool {
			return !slices.Contains(changed, m.file) && !today(m, time.Now())
		})
	}
	work := copyOf(t)
	for _, m := range chosen { //nolint:paralleltest // see above
		t.Run(m.name(), func(t *testing.T) {
			changed, err := m.apply(work)
			require.NoError(t, err)
			file := filepath.Join(work, filepath.FromSlash(m.file))
			original, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(file, changed, 0o600))
			defer func() { require.NoError(t, os.WriteFile(file, original, 0o600)) }()
			failed := m.run(t, work)
			require.Subset(t, failed, m.red, "these tests did not notice")
		})
	}
}

// today reports whether it is the mutant's day: each has one of ten.
func today(m mutant, now time.Time) bool {
	h := fnv.New32a()
	h.Write([]byte(m.name()))
	return int64(h.Sum32()%10) == now.Unix()/int64(24*time.Hour/time.Second)%10
}

// Each mutant has its turn within ten days.
func TestToday_IsOneDayInTen(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, m := range mutants {
		days := 0
		for day := range 10 {
			if today(m, now.Add(time.Duration(day)*24*time.Hour)) {
				days++
			}
		}
		require.Equal(t, 1, days, m.name())
	}
}

// copyOf copies the files of the repository that git knows, or would add.
func copyOf(t *testing.T) string {
	work := t.TempDir()
	for name := range strings.Lines(git(t, "ls-files", "--cached", "--others", "--exclude-standard")) {
		name = strings.TrimSuffix(name, "\n")
		content, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) { // deleted, and not yet committed
			continue
		}
		require.NoError(t, err)
		mode := os.FileMode(0o600)
		if info, err := os.Stat(filepath.Join(root, name)); err == nil {
			mode = info.Mode()
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(work, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(work, name), content, mode))
	}
	return work
}

// git runs git in the root of the repository.
func git(t *testing.T, args ...string) string {
	command := exec.CommandContext(t.Context(), "git", args...)
	command.Dir = root
	output, err := command.Output()
	require.NoError(t, err, "git %s", strings.Join(args, " "))
	return string(output)
}
