package bench

import (
	"flag"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/topology"
)

var loadedRuns = flag.Int("bench.stalls", 20, "loaded runs in which a stall is looked for")

// BenchmarkStalls asks as fast as it goes for ten seconds, again and again, and
// tells the longest time in which no round trip ended.
func BenchmarkStalls(b *testing.B) {
	var stalls []time.Duration
	for range *loadedRuns {
		stalls = append(stalls, longestStall(b, 10*time.Second))
	}
	slices.Sort(stalls)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(milliseconds(stalls[len(stalls)/2]), "median-ms")
	b.ReportMetric(milliseconds(stalls[len(stalls)-1]), "longest-ms")
}

func longestStall(b *testing.B, run time.Duration) (longest time.Duration) {
	b.Helper()
	broker := startBrokers(b, setting{nodes: 1})
	defer broker.stop()
	d, options := deploy(b, broker)
	require.NoError(b, d.Generators.Scale(1))
	trips(b, d, options, 1000) // warm

	ended := make(chan *nats.Msg, 1<<20)
	sub, err := d.Conn.ChanSubscribe("$KV."+topology.Received+".>", ended)
	require.NoError(b, err)
	require.NoError(b, d.Conn.Flush())
	options.Requestor.Rate, options.Requestor.Count = 1e6, 0
	require.NoError(b, d.Requestors.Scale(1))
	begun := time.Now()
	for last := begun; time.Since(begun) < run; last = time.Now() {
		<-ended
		longest = max(longest, time.Since(last))
	}
	require.NoError(b, sub.Unsubscribe())
	require.NoError(b, d.Requestors.Scale(0))
	return longest
}
