package docs

import (
	"flag"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var shrink = flag.Bool("docs.shrink", false, "remove from allowed.txt what is found no more")

// allowedFile has the findings that were there when the check began, one a line.
// No line may be added.
const allowedFile = "allowed.txt"

// The names, messages and pages of the project keep to the rules of style, apart
// from what allowedFile lists. A line of it that is found no more is removed, so that
// what was mended once stays so.
func TestStyle_GetsNoWorse(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(allowedFile)
	require.NoError(t, err)
	allowed := strings.FieldsFunc(string(content), func(r rune) bool { return r == '\n' })
	added, stale := compare(styleFindings(t), allowed)
	for _, f := range added {
		t.Errorf("%s", f)
	}
	switch {
	case len(stale) > 0 && *shrink:
		for _, line := range stale {
			i := slices.Index(allowed, line)
			allowed = slices.Delete(allowed, i, i+1)
		}
		require.NoError(t, os.WriteFile(allowedFile, []byte(strings.Join(allowed, "\n")+"\n"), 0o600))
	case len(stale) > 0:
		t.Errorf("%d findings are in e2e/docs/%s but not in the project any more, for example:\n%s\nRemove them: go test ./e2e/docs -run TestStyle -docs.shrink",
			len(stale), allowedFile, strings.Join(stale[:min(3, len(stale))], "\n"))
	}
}

// styleFindings returns what breaks a rule in the project.
func styleFindings(t *testing.T) []Finding {
	t.Helper()
	found, err := CheckGlossary(root)
	require.NoError(t, err)
	for _, page := range all(t) {
		for _, line := range slices.Concat(page.LongSentences(), page.BadHeadings()) {
			found = append(found, parseFinding(line))
		}
	}
	return found
}

var position = regexp.MustCompile(`^(.*?):(\d+): (.*)$`)

// parseFinding reads "file:line: text".
func parseFinding(line string) Finding {
	parts := position.FindStringSubmatch(line)
	number, _ := strconv.Atoi(parts[2]) // digits
	return Finding{File: parts[1], Line: number, Text: parts[3]}
}

// compare returns the findings that are not allowed, and the allowed lines that are
// not found. What occurs twice must be allowed twice.
func compare(found []Finding, allowed []string) (added []Finding, stale []string) {
	left := make(map[string]int)
	for _, line := range allowed {
		left[line]++
	}
	for _, f := range found {
		if line := f.File + ": " + f.Text; left[line] > 0 {
			left[line]--
		} else {
			added = append(added, f)
		}
	}
	for _, line := range slices.Sorted(maps.Keys(left)) {
		stale = append(stale, slices.Repeat([]string{line}, left[line])...)
	}
	return added, stale
}

func TestCompare(t *testing.T) {
	t.Parallel()
	found := []Finding{{File: "a", Line: 1, Text: "x"}, {File: "a", Line: 9, Text: "x"}, {File: "b", Text: "y"}}
	added, stale := compare(found, []string{"a: x", "a: x", "b: y"})
	require.Empty(t, added)
	require.Empty(t, stale)
	added, stale = compare(found, []string{"a: x", "c: x", "c: x"})
	require.Equal(t, []Finding{found[1], found[2]}, added, "only one is allowed")
	require.Equal(t, []string{"c: x", "c: x"}, stale)
}

func TestParseFinding(t *testing.T) {
	t.Parallel()
	require.Equal(t, Finding{File: "a.md", Line: 12, Text: "50 words: \"x:1: y\""}, parseFinding("a.md:12: 50 words: \"x:1: y\""))
}
