package brokertest

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Log records the lines of a logger, for tests of what is logged. Its zero
// value is ready; it may be used concurrently.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Logger returns a logger that writes to the log, one JSON object a line.
func (l *Log) Logger() zerolog.Logger { return zerolog.New(l) }

// Slog returns one that writes the same lines.
func (l *Log) Slog() *slog.Logger { return slog.New(zerolog.NewSlogHandler(l.Logger())) }

// Write implements io.Writer.
func (l *Log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

// Lines returns what was written so far.
func (l *Log) Lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSuffix(l.text.String(), "\n"), "\n")
}

// Has reports whether one line contains all the parts.
func (l *Log) Has(parts ...string) bool {
	for _, line := range l.Lines() {
		n := 0
		for _, part := range parts {
			if strings.Contains(line, part) {
				n++
			}
		}
		if n == len(parts) {
			return true
		}
	}
	return false
}

// Await returns when one line contains all the parts.
func (l *Log) Await(t testing.TB, parts ...string) {
	t.Helper()
	if !assert.Eventually(t, func() bool { return l.Has(parts...) }, patience, 10*time.Millisecond) {
		require.FailNow(t, "no line of the log has them all", "parts %q, lines %q", parts, l.Lines())
	}
}
