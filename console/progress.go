package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

const (
	barWidth = 30
	// plainEvery is how often progress is written where it cannot be redrawn.
	plainEvery = time.Second
)

// progress shows how far something is: a bar that is redrawn on a terminal, a
// line a second elsewhere. It is for one goroutine.
type progress struct {
	out      io.Writer
	terminal bool
	begun    time.Time
	shown    time.Time
}

func newProgress(out io.Writer) *progress {
	file, ok := out.(*os.File)
	return &progress{out: out, terminal: ok && term.IsTerminal(int(file.Fd())), begun: time.Now(), shown: time.Now()}
}

// show shows that part of whole is there, and a note.
func (p *progress) show(part, whole uint64, note string) {
	switch {
	case p.terminal:
		cells := barWidth
		if whole > 0 {
			cells = int(min(part, whole) * barWidth / whole)
		}
		fmt.Fprintf(p.out, "\r\x1b[K%s%s %d %s", strings.Repeat("█", cells), strings.Repeat("░", barWidth-cells), part, note)
	case time.Since(p.shown) >= plainEvery:
		fmt.Fprintf(p.out, "%d of %d %s\n", part, whole, note)
	default:
		return
	}
	p.shown = time.Now()
}

// say writes a line above the bar.
func (p *progress) say(format string, args ...any) {
	p.end()
	fmt.Fprintf(p.out, format+"\n", args...)
}

// end leaves the terminal's line to others.
func (p *progress) end() {
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
