package shown_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/internal/shown"
)

func TestTextHasNothingThatATerminalObeys(t *testing.T) {
	t.Parallel()
	require.Equal(t, `\x1b[2Jhello\n"quoted" äöü`, shown.Text("\x1b[2Jhello\n\"quoted\" äöü"))
	require.Equal(t, `\xff`, shown.Text("\xff"))
	require.Equal(t, `a\u202eb`, shown.Text("a\u202eb"), "what turns the direction of what follows")
	require.Less(t, len(shown.Text(strings.Repeat("\x00", 1<<20))), 3000)
}
