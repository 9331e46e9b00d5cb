package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the project's folder.
const root = "../.."

func all(t *testing.T) []Page {
	t.Helper()
	pages, err := All(root)
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	return pages
}

func TestLinks_LeadToFilesAndHeadings(t *testing.T) {
	t.Parallel()
	checked, err := CheckLinks(root, all(t))
	require.NoError(t, err)
	require.Greater(t, checked, 50)
}

// Every block of commands in a guide names the package whose tests execute it, or
// the reason why none does.
func TestCommands_AreAllExecuted(t *testing.T) {
	t.Parallel()
	executed := make(map[string]int)
	for _, page := range Guides(all(t)) {
		steps, err := page.Steps()
		require.NoError(t, err)
		for _, step := range steps {
			executed[step.Runner]++
			if step.Runner == Skipped {
				t.Logf("%s is not executed: %s", step.Where(), step.Reason)
			}
		}
	}
	for _, runner := range []string{Local, Containers, Kubernetes} {
		require.NotZero(t, executed[runner], "pages with commands for %q", runner)
	}
}

// The runbook quotes messages as the programs print them.
func TestRunbook_QuotesMessagesOfTheCode(t *testing.T) {
	t.Parallel()
	literals := stringLiterals(t)
	content, err := os.ReadFile(root + "/docs/operations.md")
	require.NoError(t, err)
	_, runbook, found := strings.Cut(string(content), "\n## Runbook\n")
	require.True(t, found)
	quotes := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(runbook, -1)
	require.Greater(t, len(quotes), 30)
	for _, quote := range quotes {
		for part := range strings.SplitSeq(quote[1], "…") {
			if part = strings.Trim(part, " :"); len(part) > 3 {
				if !strings.Contains(literals, part) { // which would fill a screen
					require.Fail(t, "no program prints what the runbook quotes", "%q", quote[1])
				}
			}
		}
	}
}

// stringLiterals are those of all programs, one a line.
func stringLiterals(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/e2e/") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil {
					all.WriteString(text + "\n")
				}
			}
			return true
		})
		return nil
	}))
	return all.String()
}
