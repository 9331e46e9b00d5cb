package docs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckLinks(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "there.go"), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(root, "other.md"), nil, 0o600))
	other := parse("other.md", "# The first, `second` & third\n## Twice\n## Twice\n")
	for target, broken := range map[string]string{
		"there.go":                         "",
		"https://example.com/nowhere":      "",
		"other.md#the-first-second--third": "",
		"other.md#twice":                   "",
		"other.md#twice-1":                 "",
		"#here":                            "",
		"gone.go":                          "page.md:2: the link to gone.go is broken",
		"other.md#twice-2":                 "other.md has no heading for #twice-2",
		"#there":                           "page.md has no heading for #there",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(root, "page.md"), nil, 0o600))
		checked, err := CheckLinks(root, []Page{parse("page.md", "# Here\nSee [this]("+target+") and `[not](this)`.\n"), other})
		if broken == "" {
			require.NoError(t, err, target)
			continue
		}
		require.ErrorContains(t, err, broken, target)
		require.Equal(t, 1, checked)
	}
}
