package service

import (
	"fmt"
	"strings"
	"sync"
	"unicode"
)

const (
	// MaxProblems is how many lines a replica's Status has for problems at most.
	MaxProblems = 8
	// maxProblem bounds one of them, in bytes.
	maxProblem = 300
)

// problems are the sources of a replica's problems. They are safe for concurrent
// use.
type problems struct {
	mu      sync.Mutex
	sources []func() []string
}

func (p *problems) add(source func() []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sources = append(p.sources, source)
}

// current returns the lines of all sources, bounded in number and length.
func (p *problems) current() (lines []string) {
	p.mu.Lock()
	sources := p.sources[:len(p.sources):len(p.sources)]
	p.mu.Unlock()
	for _, source := range sources {
		for _, line := range source() {
			lines = append(lines, printable(line))
		}
	}
	if more := len(lines) - MaxProblems; more > 0 {
		lines = append(lines[:MaxProblems-1], fmt.Sprintf("and %d more", more+1))
	}
	return lines
}

// printable returns the line without characters that do not print, such as
// control characters and those that turn the direction of text, and cuts it where
// it gets long. A problem may quote an error of anyone.
func printable(line string) string {
	if len(line) > maxProblem {
		line = strings.ToValidUTF8(line[:maxProblem-len("…")], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsGraphic(r):
			return unicode.ReplacementChar
		}
		return r
	}, line)
}
