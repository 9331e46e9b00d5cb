package service

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// watching runs the watch of a link without a connection for so long, and
// returns what it logged until then.
func watching(t *testing.T, duration time.Duration, prepare func(*link)) (lines []string) {
	t.Helper()
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		l := newLink(zerolog.New(&log), Broker{URL: "nats://gone:4222"})
		ctx, end := context.WithCancel(t.Context())
		l.dialer = newDialer(ctx)
		prepare(l)
		l.watching.Go(func() { l.watch(ctx) })
		<-time.After(duration)
		synctest.Wait()
		lines = strings.Split(strings.TrimSpace(log.String()), "\n")
		end()
		l.watching.Wait()
	})
	return lines
}

func TestAnOutageIsExplainedNowAndThen(t *testing.T) {
	t.Parallel()
	log := watching(t, firstLook+5*logEvery, func(*link) {})
	require.Len(t, log, 6)
	for _, line := range log {
		require.Contains(t, line, "still cannot reach NATS at nats://gone:4222")
	}
}

func TestThrottle_CountsRepeatedLinesEachPeriod(t *testing.T) {
	t.Parallel()
	log := watching(t, logEvery+time.Second, func(l *link) {
		l.up.Store(true)
		for range burst + 7 {
			l.lines.say(zerolog.WarnLevel, "no way")
		}
	})
	require.Len(t, log, burst+1)
	require.Contains(t, log[burst], `"times":7,"message":"no way (again)"`)
}
