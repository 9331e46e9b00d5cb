package processes

import (
	"encoding/json"
	"maps"

	"github.com/rs/zerolog"
)

// relay logs a line that a child has logged. What is not a log line is the trace
// of a panic, or worse.
func relay(log zerolog.Logger, name string, line []byte) {
	var fields map[string]any
	if json.Unmarshal(line, &fields) != nil {
		log.Error().Str("service", name).Msg(string(line))
		return
	}
	text, _ := fields[zerolog.LevelFieldName].(string)
	level, err := zerolog.ParseLevel(text)
	if err != nil {
		level = zerolog.ErrorLevel
	}
	message, _ := fields[zerolog.MessageFieldName].(string)
	maps.DeleteFunc(fields, func(key string, _ any) bool {
		return key == zerolog.LevelFieldName || key == zerolog.MessageFieldName || key == zerolog.TimestampFieldName
	})
	log.WithLevel(level).Str("service", name).Fields(fields).Msg(message)
}
