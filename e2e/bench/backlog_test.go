package bench

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/drain"
	"decoupled.example/requestor"
	"decoupled.example/shared/topology"
)

var full = flag.Bool("bench.full", false, "backlogs of 1 and 3 million, too")

// BenchmarkBacklog lets requests wait, starts a generator, and measures what a
// message costs however many there are: it should always be the same.
func BenchmarkBacklog(b *testing.B) {
	sizes := []int{10_000, 100_000}
	if *full {
		sizes = append(sizes, 1_000_000, 3_000_000)
	}
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) { backlog(b, n) })
	}
}

func backlog(b *testing.B, n int) {
	b.Helper()
	broker := startBrokers(b, setting{nodes: 1})
	defer broker.stop()
	d, _ := deploy(b, broker)
	require.NoError(b, d.Requestors.Scale(1)) // it only stores
	empty := broker.memory(b)

	client, server := ownCPU(b), broker.cpu(b)
	for asked := 0; asked < n; {
		some, err := requestor.NewAsker(d.Topology).Ask(b.Context(), min(10_000, n-asked))
		require.NoError(b, err)
		asked += len(some)
	}
	waiting := broker.memory(b)

	answered := make(chan *nats.Msg, 1)
	sub, err := d.Conn.ChanSubscribe(topology.SubjectResponse, answered)
	require.NoError(b, err)
	require.NoError(b, sub.AutoUnsubscribe(1))
	require.NoError(b, d.Conn.Flush())
	begun := time.Now()
	require.NoError(b, d.Generators.Scale(1))
	<-answered
	first := time.Since(begun)
	require.NoError(b, drain.Wait(b.Context(), d.JS, nil))
	took := time.Since(begun)

	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64((ownCPU(b)-client).Microseconds())/float64(n), "client-µs/rt")
	b.ReportMetric(float64((broker.cpu(b)-server).Microseconds())/float64(n), "server-µs/rt")
	b.ReportMetric(float64(first.Microseconds())/1000, "first-response-ms")
	b.ReportMetric(took.Seconds(), "drain-s")
	b.ReportMetric(float64(waiting-empty)/float64(n), "waiting-B/rt")
	b.ReportMetric(float64(broker.memory(b)-empty)/float64(n), "memory-B/rt")
	b.ReportMetric(float64(broker.disk(b))/float64(n), "disk-B/rt")
	finished(b, d)
}
