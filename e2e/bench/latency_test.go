package bench

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

// BenchmarkLatency measures the whole round trip, from a request's making to the
// moment at which its receipt is in the ledger, at rates that leave the machine
// idle for most of the time.
func BenchmarkLatency(b *testing.B) {
	for _, c := range []struct{ rate, n int }{{1, 20}, {100, 1000}, {1000, 10_000}} {
		b.Run(fmt.Sprintf("%d a second", c.rate), func(b *testing.B) {
			all := latencies(b, float64(c.rate), c.n)
			slices.Sort(all)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(milliseconds(all[len(all)/2]), "p50-ms")
			b.ReportMetric(milliseconds(all[len(all)*99/100]), "p99-ms")
			b.ReportMetric(milliseconds(all[len(all)-1]), "max-ms")
		})
	}
}

// latencies are those of n round trips, as a third party sees them on the wire.
func latencies(b *testing.B, rate float64, n int) []time.Duration {
	b.Helper()
	broker := startBrokers(b, setting{nodes: 1})
	defer broker.stop()
	d, options := deploy(b, broker)
	require.NoError(b, d.Generators.Scale(1))
	trips(b, d, options, 1000) // warm

	seen := make(chan *nats.Msg, 4*n)
	for _, subject := range []string{topology.SubjectRequest, "$KV." + topology.Received + ".>"} {
		_, err := d.Conn.ChanSubscribe(subject, seen)
		require.NoError(b, err)
	}
	require.NoError(b, d.Conn.Flush())
	options.Requestor.Rate, options.Requestor.Count = rate, n
	require.NoError(b, d.Requestors.Scale(1))
	begun := make(map[string]time.Time, n)
	all := make([]time.Duration, 0, n)
	for len(all) < n {
		m := <-seen
		now := time.Now()
		if m.Subject == topology.SubjectRequest {
			var r contract.Request
			require.NoError(b, json.Unmarshal(m.Data, &r))
			begun[r.ID] = r.RequestedAt
			continue
		}
		at, ok := begun[m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]]
		require.True(b, ok)
		all = append(all, now.Sub(at))
	}
	return all
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
