package mutants_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mutant is one guarantee, broken on purpose.
type mutant struct {
	breaks string // what the replacement breaks, in a few words
	file   string // from the root of the repository
	old    string // the text to replace; it occurs once in the file
	new    string
	red    []string // the tests that must fail, each "package Test", the package from the root
}

// name names the subtest of a mutant: its file, and what it breaks.
func (m mutant) name() string { return m.file + ": " + m.breaks }

// apply returns the content of the file with the replacement made.
func (m mutant) apply(root string) ([]byte, error) {
	content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.file)))
	if err != nil {
		return nil, err
	}
	if n := bytes.Count(content, []byte(m.old)); n != 1 {
		return nil, fmt.Errorf("the text to replace occurs %d times in %s, not once: %q", n, m.file, m.old)
	}
	if m.old == m.new {
		return nil, fmt.Errorf("nothing is replaced in %s: %q", m.file, m.old)
	}
	return bytes.Replace(content, []byte(m.old), []byte(m.new), 1), nil
}

// tests returns the tests that must fail, by package.
func (m mutant) tests() map[string][]string {
	tests := make(map[string][]string)
	for _, test := range m.red {
		pkg, name, _ := strings.Cut(test, " ")
		tests[pkg] = append(tests[pkg], name)
	}
	return tests
}

// run runs those tests of the copy in root, and returns the ones that failed.
func (m mutant) run(t *testing.T, root string) (failed []string) {
	for pkg, names := range m.tests() {
		pattern := "^(" + strings.Join(names, "|") + ")$"
		// A mutant may hang its test: that is noticed, too.
		command := exec.CommandContext(t.Context(), "go", "test", "-json", "-count=1", "-timeout=2m", "-run", pattern, "./"+pkg)
		command.Dir = root
		var stderr bytes.Buffer
		command.Stderr = &stderr
		output, err := command.Output()
		if err == nil {
			continue
		}
		ran, names := outcome(output)
		require.NotEmpty(t, ran, "no test ran in %s: the replacement does not compile, or the test has another name\n%s%s", pkg, output, &stderr)
		for _, name := range names {
			failed = append(failed, pkg+" "+name)
		}
	}
	slices.Sort(failed)
	return failed
}

// outcome reads what go test -json prints: the tests that ran, and those of them
// that did not pass. A test that hangs until the timeout has no result at all.
func outcome(output []byte) (ran, failed []string) {
	passed := make(map[string]bool)
	for line := range bytes.Lines(output) {
		var event struct{ Action, Test string }
		if json.Unmarshal(line, &event) != nil || event.Test == "" || strings.Contains(event.Test, "/") {
			continue
		}
		switch event.Action {
		case "run":
			ran = append(ran, event.Test)
		case "pass", "skip":
			passed[event.Test] = true
		}
	}
	return ran, slices.DeleteFunc(slices.Clone(ran), func(test string) bool { return passed[test] })
}
