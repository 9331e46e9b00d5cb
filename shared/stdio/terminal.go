package stdio

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// usualWidth is the assumed width of a terminal that does not report one.
const usualWidth = 80

// descriptor returns the file descriptor behind a writer.
func descriptor(w io.Writer) (fd int, ok bool) {
	file, ok := w.(interface{ Fd() uintptr })
	if !ok {
		return 0, false
	}
	return int(file.Fd()), true
}

// IsTerminal reports whether w writes to a terminal.
func IsTerminal(w io.Writer) bool {
	fd, ok := descriptor(w)
	return ok && term.IsTerminal(fd)
}

// Obeys reports whether w writes to a terminal that obeys escape sequences, so
// that text can be colored and redrawn. A terminal whose TERM is dumb does not.
func Obeys(w io.Writer) bool { return IsTerminal(w) && os.Getenv("TERM") != "dumb" }

// Width returns the current width of the terminal behind w, in cells. Call it
// before each redraw, since terminals are resized.
func Width(w io.Writer) int {
	if fd, ok := descriptor(w); ok {
		if width, _, err := term.GetSize(fd); err == nil && width > 0 {
			return width
		}
	}
	return usualWidth
}

// Cells returns the largest number of cells that a line takes on a terminal:
// characters that some terminals show in two cells count as two.
func Cells(line string) (n int) {
	for _, r := range line {
		n += cells(r)
	}
	return n
}

func cells(r rune) int {
	switch {
	case r < 0x1100, // Latin, Greek, Cyrillic, …
		0x2000 <= r && r < 0x2600, // punctuation, arrows, blocks, figures
		strings.ContainsRune("✓✗⚠", r):
		return 1
	}
	return 2
}

// Cut returns the longest prefix of a line that fits into width cells.
func Cut(line string, width int) string {
	for i, r := range line {
		if width -= cells(r); width < 0 {
			return line[:i]
		}
	}
	return line
}
