package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/stdio"
)

// A bar that is redrawn fits the terminal, however wide it is at that moment, and
// whatever is said beside it.
func TestProgress_FitsTheTerminalAtEachRedraw(t *testing.T) {
	t.Parallel()
	note := "hops left (REQUESTS 1000000, RESPONSES 1000000, RECEIPTS 1000000, DEAD_LETTERS 1000000) 1000/s, 東京 1h0m0s left"
	for _, widths := range [][]int{{80}, {40}, {120, 80, 40, 200}, {12}, {5}, {1}} {
		t.Run(fmt.Sprint(widths), func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			width := 0
			bar := &progress{out: &out, terminal: true, width: func() int { return width }}
			for _, width = range widths {
				for part := range uint64(4) {
					out.Reset()
					bar.show(part, 3, note)
					drawn := out.String()
					drawn = drawn[strings.LastIndex(drawn, "\x1b[K")+len("\x1b[K"):]
					require.Less(t, stdio.Cells(drawn), max(width, 1), drawn)
					require.Equal(t, width >= 20, strings.ContainsAny(drawn, "0123"), "the figure is there: %q", drawn)
				}
			}
			out.Reset()
			bar.end()
			require.Equal(t, "\r\x1b[K", out.String())
		})
	}
}

// What became longer than the terminal is left where it is: how many lines it
// takes now depends on the terminal.
func TestProgress_LeavesWhatIsTooLongByNow(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	width := 80
	bar := &progress{out: &out, terminal: true, width: func() int { return width }}
	bar.show(1, 2, "sent")
	bar.show(2, 2, "sent")
	require.NotContains(t, out.String(), "\n")
	width = 20
	bar.show(2, 2, "sent")
	require.Equal(t, 1, strings.Count(out.String(), "\n"))
	bar.show(2, 2, "sent")
	require.Equal(t, 1, strings.Count(out.String(), "\n"))
}
