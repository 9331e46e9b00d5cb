package bench

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/drain"
	"decoupled.example/console/status"
	"decoupled.example/demo/embedded"
	"decoupled.example/requestor"
	"decoupled.example/shared/topology"
)

// BenchmarkReplicas has processes share 10,000 messages of 5 ms of work each.
func BenchmarkReplicas(b *testing.B) {
	const n, work = 10_000, 5 * time.Millisecond
	var alone float64
	for _, replicas := range []int{1, 2, 4, 8} {
		b.Run(fmt.Sprint(replicas), func(b *testing.B) {
			broker := startBrokers(b, setting{nodes: 1})
			defer broker.stop()
			d, _ := deploy(b, broker)
			require.NoError(b, d.Requestors.Scale(1)) // it only stores
			for range replicas {
				launch(b, topology.Generator, []string{"NATS_URL=" + broker.url, "WORK=" + work.String(), "LOG_LEVEL=error"})
			}
			require.Eventually(b, func() bool { return len(answered(b, d)) == replicas }, time.Minute, 10*time.Millisecond, "the generators do not start")
			begun := time.Now()
			_, err := requestor.NewAsker(d.Topology).Ask(b.Context(), n)
			require.NoError(b, err)
			require.NoError(b, drain.Wait(b.Context(), d.JS, nil))
			rate := n / time.Since(begun).Seconds()
			finished(b, d)

			if replicas == 1 {
				alone = rate
			}
			counts := answered(b, d)
			least, most := counts[0], counts[0]
			for _, c := range counts {
				least, most = min(least, c), max(most, c)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(rate, "rt/s")
			b.ReportMetric(rate/alone, "×alone")
			b.ReportMetric(float64(most)/float64(least), "max/min")
		})
	}
}

// answered is how many requests each live generator has answered.
func answered(b *testing.B, d *embedded.Deployment) (counts []int64) {
	b.Helper()
	all, err := status.Replicas(b.Context(), d.Conn)
	require.NoError(b, err)
	for _, r := range all {
		if r.Service == topology.Generator {
			counts = append(counts, r.Counts["answered"])
		}
	}
	return counts
}
