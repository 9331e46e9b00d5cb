package service

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

func TestThrottle_CountsHiddenLinesAndDropsOldOnes(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	throttle := newThrottle(zerolog.New(&log))
	written := func() []string {
		defer log.Reset()
		return strings.Split(strings.TrimSpace(log.String()), "\n")
	}
	say := func(times int) {
		for range times {
			throttle.say(zerolog.WarnLevel, "no way", "error", "why")
		}
	}

	say(burst + 4)
	require.Len(t, written(), burst)
	throttle.flush()
	require.Equal(t, []string{`{"level":"warn","times":4,"message":"no way (again)"}`}, written())

	say(5) // it goes on: no line of its own, only counted
	throttle.flush()
	require.Equal(t, []string{`{"level":"warn","times":5,"message":"no way (again)"}`}, written())

	throttle.flush() // a period without it: the next one is news again
	say(1)
	require.Equal(t, []string{`{"level":"warn","error":"why","message":"no way"}`}, written())
}

func TestThrottleBoundsLinesThatAllDiffer(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	throttle := newThrottle(zerolog.New(&log))
	for i := range 1000 {
		throttle.say(zerolog.ErrorLevel, fmt.Sprintf("denied %d", i))
	}
	throttle.flush()
	require.Equal(t, maxLines+burst+1, strings.Count(log.String(), "\n"))
	require.Contains(t, log.String(), fmt.Sprintf(`"times":%d,"message":"%s (again)"`, 1000-maxLines-burst, leftOut))
	require.LessOrEqual(t, len(throttle.lines), maxLines+1)
}
