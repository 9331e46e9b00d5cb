package service

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/rs/zerolog"

	"decoupled.example/shared/stdio"
)

// Logging are the flags for the level and the format of the log.
type Logging struct {
	Level  string `name:"log-level" env:"LOG_LEVEL" enum:"trace,debug,info,warn,error" default:"info" help:"Log this and what is worse: ${enum}."`
	Format string `name:"log-format" env:"LOG_FORMAT" enum:"auto,console,json" default:"auto" help:"Write the log as ${enum}; auto is console on a terminal and json elsewhere."`
}

// millis is RFC 3339 with milliseconds. zerolog keeps its format of times in a
// global variable, which is not a library's to change.
const millis = "2006-01-02T15:04:05.000Z07:00"

// NewLog returns a logger that writes to w: lines for people on a terminal, one
// JSON object a line elsewhere, with the name in the field "service".
func NewLog(w io.Writer, logging Logging, name string) zerolog.Logger {
	if logging.Format == "console" || logging.Format != "json" && stdio.IsTerminal(w) {
		w = zerolog.ConsoleWriter{
			Out:           w,
			NoColor:       !stdio.Obeys(w),
			TimeFormat:    "15:04:05.000",
			PartsOrder:    []string{zerolog.TimestampFieldName, zerolog.LevelFieldName, "service", zerolog.MessageFieldName},
			FieldsExclude: []string{"service"},
		}
	}
	level, err := zerolog.ParseLevel(logging.Level)
	if err != nil || logging.Level == "" {
		level = zerolog.InfoLevel // kong has checked it; this is for a Logging made in code
	}
	return zerolog.New(w).Level(level).With().Str("service", name).Logger().
		Hook(zerolog.HookFunc(func(e *zerolog.Event, _ zerolog.Level, _ string) {
			e.Str(zerolog.TimestampFieldName, time.Now().UTC().Format(millis))
		}))
}

// Slog returns log for packages that do not depend on zerolog, such as topology and
// queue.
func Slog(log zerolog.Logger) *slog.Logger {
	return slog.New(untimed{zerolog.NewSlogHandler(log)})
}

// untimed omits the time, because the hook of NewLog writes it.
type untimed struct{ slog.Handler }

func (u untimed) Handle(ctx context.Context, record slog.Record) error {
	record.Time = time.Time{}
	return u.Handler.Handle(ctx, record)
}

func (u untimed) WithAttrs(attrs []slog.Attr) slog.Handler {
	return untimed{u.Handler.WithAttrs(attrs)}
}
func (u untimed) WithGroup(name string) slog.Handler { return untimed{u.Handler.WithGroup(name)} }
