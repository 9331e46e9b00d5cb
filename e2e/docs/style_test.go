package docs

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// The names, messages and pages of the project keep to the rules of style that a
// pattern can check.
func TestStyle(t *testing.T) {
	t.Parallel()
	found, err := CheckGlossary(root)
	require.NoError(t, err)
	for _, f := range found {
		t.Error(f)
	}
	for _, page := range all(t) {
		for _, line := range slices.Concat(page.LongSentences(), page.BadHeadings()) {
			t.Error(line)
		}
	}
}
