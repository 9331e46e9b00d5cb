package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"decoupled.example/shared/stdio"
)

const (
	// barWidth is the usual width of a bar, barLeast that on a narrow terminal.
	barWidth, barLeast = 30, 10
	// plainEvery is how often progress is written where it cannot be redrawn.
	plainEvery = time.Second
)

// progress shows progress: as a bar that is redrawn on a terminal, elsewhere as one line a
// second. It is for one goroutine.
type progress struct {
	out      io.Writer
	terminal bool       // it can be redrawn
	width    func() int // of the terminal now, in cells
	drawn    int        // cells of the bar that is shown
	shown    time.Time
}

func newProgress(out io.Writer) *progress {
	return &progress{out: out, terminal: stdio.Obeys(out), width: func() int { return stdio.Width(out) }, shown: time.Now()}
}

// show shows that part of whole is done, and a note.
func (p *progress) show(part, whole uint64, note string) {
	switch {
	case p.terminal:
		p.draw(fmt.Sprintf(" %d %s", part, note), part, whole)
	case time.Since(p.shown) >= plainEvery:
		line := fmt.Sprintf("%d of %d %s", part, whole, note)
		if stdio.IsTerminal(p.out) {
			line = stdio.Cut(line, p.width())
		}
		fmt.Fprintln(p.out, line)
	default:
		return
	}
	p.shown = time.Now()
}

// draw redraws the bar with the text behind it, in one line. Some terminals break
// a line as soon as its last cell is taken, so that one stays empty.
func (p *progress) draw(text string, part, whole uint64) {
	width := p.width() - 1
	p.clear(width)
	cells := max(0, min(width, barWidth, max(barLeast, width-stdio.Cells(text))))
	full := cells
	if whole > 0 {
		full = int(min(part, whole) * uint64(cells) / whole)
	}
	text = stdio.Cut(text, max(0, width-cells))
	fmt.Fprint(p.out, strings.Repeat("█", full), strings.Repeat("░", cells-full), text)
	p.drawn = cells + stdio.Cells(text)
}

// say writes a line above the bar.
func (p *progress) say(format string, args ...any) {
	p.end()
	fmt.Fprintf(p.out, format+"\n", args...)
}

// end removes the bar for good.
func (p *progress) end() {
	if p.terminal {
		p.clear(p.width() - 1)
	}
}

// clear removes the bar. After the terminal became narrower, a longer bar takes
// several lines or is cut off, depending on the terminal: it stays where it is.
func (p *progress) clear(width int) {
	if p.drawn > width {
		fmt.Fprintln(p.out)
	}
	fmt.Fprint(p.out, "\r\x1b[K")
	p.drawn = 0
}
