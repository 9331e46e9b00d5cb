package service_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/service"
)

func TestNewLog_IsJSONWithoutATerminal(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"auto", "json"} {
		var out bytes.Buffer
		log := service.NewLog(&out, service.Logging{Level: "info", Format: format}, "tester")
		log.Info().Int("n", 7).Msg("seven")

		var entry map[string]any
		require.NoError(t, json.Unmarshal(out.Bytes(), &entry), out.String())
		at, err := time.Parse("2006-01-02T15:04:05.000Z07:00", entry["time"].(string))
		require.NoError(t, err, "RFC 3339 with milliseconds")
		require.WithinDuration(t, time.Now(), at, time.Minute)
		delete(entry, "time")
		require.Equal(t, map[string]any{"level": "info", "service": "tester", "n": 7.0, "message": "seven"}, entry)
	}
}

func TestLogForPeople(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := service.NewLog(&out, service.Logging{Level: "info", Format: "console"}, "tester")
	log.Warn().Int("n", 7).Msg("seven came")
	require.Regexp(t, `^\d\d:\d\d:\d\d\.\d{3} WRN tester seven came n=7\n$`, out.String())
}

func TestLogLevel(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		level string
		lines int
	}{{"debug", 3}, {"info", 2}, {"warn", 1}, {"error", 0}, {"", 2}} {
		out := &lines{}
		log := service.NewLog(out, service.Logging{Level: test.level}, "tester")
		log.Debug().Msg("debug")
		log.Info().Msg("info")
		log.Warn().Msg("warn")
		require.Len(t, out.with("message"), test.lines, test.level)
	}
}

// Packages that log by slog write lines like all others: one time, the fields, and
// nothing below the level.
func TestSlog_WritesTheLinesOfTheLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := service.Slog(service.NewLog(&out, service.Logging{Level: "info", Format: "json"}, "tester"))
	log.Debug("hidden")
	log.With("queue", "REQUESTS").Warn("seven", "error", errors.New("a fault"), "n", 7)

	require.Equal(t, 1, bytes.Count(out.Bytes(), []byte("\n")))
	require.Equal(t, 1, bytes.Count(out.Bytes(), []byte(`"time":`)), out.String())
	var entry map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &entry), out.String())
	delete(entry, "time")
	require.Equal(t, map[string]any{
		"level": "warn", "service": "tester", "queue": "REQUESTS", "error": "a fault", "n": 7.0, "message": "seven",
	}, entry)
}
