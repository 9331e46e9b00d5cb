package service

import (
	"maps"
	"slices"
	"sync"

	"github.com/rs/zerolog"
)

const (
	// burst is how often a line is logged before it is only counted: often
	// enough to follow a restart or two as they happen.
	burst = 3
	// maxLines bounds what one period may log, and the memory of a throttle: the
	// subjects of denied publishes, for one, can all be different.
	maxLines = 20
	leftOut  = "more of these lines are left out"
)

// throttle logs the same line a few times and counts it from then on. Each flush
// ends a period: it logs how often lines were repeated, and drops those that were
// not. It may be used concurrently.
type throttle struct {
	log zerolog.Logger

	mu    sync.Mutex
	lines map[string]*repeated
}

type repeated struct {
	level   zerolog.Level
	logged  int
	counted int // since the last flush
}

func newThrottle(log zerolog.Logger) *throttle {
	return &throttle{log: log, lines: make(map[string]*repeated)}
}

// say logs the line with its fields (name, value, …), or counts it. Lines that differ
// only in their fields count as the same.
func (t *throttle) say(level zerolog.Level, line string, fields ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lines[line] == nil && len(t.lines) >= maxLines {
		line, fields = leftOut, nil
	}
	r := t.lines[line]
	if r == nil {
		r = &repeated{level: level}
		t.lines[line] = r
	}
	if r.logged == burst {
		r.counted++
		return
	}
	r.logged++
	t.log.WithLevel(level).Fields(fields).Msg(line)
}

// flush ends a period.
func (t *throttle) flush() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, line := range slices.Sorted(maps.Keys(t.lines)) {
		r := t.lines[line]
		if r.counted == 0 {
			delete(t.lines, line)
			continue
		}
		t.log.WithLevel(r.level).Int("times", r.counted).Msg(line + " (again)")
		r.counted = 0
	}
}
