// Package screen shows a deployment's status while it runs: a panel that is
// redrawn in place on a terminal, a line a second elsewhere.
package screen

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"decoupled.example/console/status"
	"decoupled.example/shared/stdio"
)

// Colors of a terminal.
const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// color colors a text on a terminal, unless the user does not want that.
func (s *Screen) color(code, text string) string {
	if !s.terminal || os.Getenv("NO_COLOR") != "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Screen writes to one place from many: the log goes above the panel. It may be
// used concurrently.
type Screen struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	width    func() int // of the terminal now, in cells
	drawn    int        // lines of the panel on the terminal now
	widest   int        // of them, in cells
	panel    []string
	previous status.Status
	begun    time.Time
}

// New returns a screen on out. On a terminal it shows a panel.
func New(out io.Writer) *Screen {
	s := &Screen{out: out, begun: time.Now()}
	if stdio.Obeys(out) {
		s.terminal = true
		s.width = func() int { return stdio.Width(out) }
	}
	return s
}

// columns is how wide text for people gets.
func (s *Screen) columns() int {
	if !s.terminal {
		return usualWidth
	}
	return min(usualWidth, s.width())
}

// usualWidth is that of a usual terminal. What is shown fits in it.
const usualWidth = 80

// Write implements io.Writer for the log: whole lines, above the panel.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	n, err := s.out.Write(p)
	s.draw()
	return n, err
}

// Print writes a line above the panel.
func (s *Screen) Print(format string, args ...any) {
	fmt.Fprintf(s, format+"\n", args...)
}

// Show shows a status.
func (s *Screen) Show(now status.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rates := now.Rates(s.previous)
	s.previous = now
	elapsed := now.At.Sub(s.begun)
	if !s.terminal {
		fmt.Fprintln(s.out, line(now, rates, elapsed))
		return
	}
	s.replace(panel(now, rates, elapsed))
}

// Draw makes those lines the panel. Where there is no terminal nothing is shown.
func (s *Screen) Draw(lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.terminal {
		s.replace(lines)
	}
}

// Clear takes the panel away.
func (s *Screen) Clear() { s.Draw(nil) }

// Leave lets the panel stand as it is and goes on below it.
func (s *Screen) Leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drawn, s.panel = 0, nil
}

// replace, erase and draw are for holders of the lock.
func (s *Screen) replace(panel []string) {
	s.erase()
	s.panel = panel
	s.draw()
}

func (s *Screen) erase() {
	// After the terminal became narrower, wider lines take several rows or are cut
	// off, depending on the terminal. The way up to the first line is then unknown, so
	// the panel stays where it is.
	if s.drawn > 0 && s.widest <= s.width() {
		fmt.Fprintf(s.out, "\x1b[%dA\x1b[J", s.drawn) // up to the panel's first line, clear to the end
	}
	s.drawn, s.widest = 0, 0
}

func (s *Screen) draw() {
	if len(s.panel) == 0 {
		return
	}
	width := s.width()
	for _, line := range s.panel {
		// One that the terminal breaks would be two to go up again.
		line = stdio.Cut(line, width)
		s.widest = max(s.widest, stdio.Cells(line))
		fmt.Fprintln(s.out, line)
	}
	s.drawn = len(s.panel)
}
