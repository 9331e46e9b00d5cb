package broker

import (
	"fmt"
	"strings"
	"sync"
	"syscall"

	"github.com/rs/zerolog"
)

// logger passes the server's log on, and records why it stopped: the server
// reports that to its logger and nowhere else.
type logger struct {
	log     zerolog.Logger
	cluster bool
	mu      sync.Mutex
	err     error
}

func (l *logger) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Fatalf implements server.Logger.
func (l *logger) Fatalf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = fmt.Errorf(format, v...)
		if strings.Contains(l.err.Error(), syscall.EADDRINUSE.Error()) { // it comes as text
			l.err = fmt.Errorf("%w: %w", l.err, syscall.EADDRINUSE)
		}
	}
}

// Noticef implements server.Logger. The server's notices during normal operation do not
// matter here.
func (l *logger) Noticef(format string, v ...any) { l.log.Debug().Msgf(format, v...) }

// Warnf implements server.Logger.
func (l *logger) Warnf(format string, v ...any) { l.log.Warn().Msgf(format, v...) }

// Errorf implements server.Logger. That another node cannot be reached is an
// error to the server; where nodes are stopped on purpose it is to be expected.
func (l *logger) Errorf(format string, v ...any) {
	level := zerolog.ErrorLevel
	if l.cluster {
		level = zerolog.WarnLevel
	}
	l.log.WithLevel(level).Msgf(format, v...)
}

// Debugf implements server.Logger.
func (l *logger) Debugf(format string, v ...any) { l.log.Trace().Msgf(format, v...) }

// Tracef implements server.Logger.
func (l *logger) Tracef(format string, v ...any) { l.log.Trace().Msgf(format, v...) }
