package bench

import (
	"flag"
	"runtime"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/setup"
	"decoupled.example/console/verify"
	"decoupled.example/demo/embedded"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

var (
	rounds   = flag.Int("bench.rounds", 5, "rounds of what is compared")
	messages = flag.Int("bench.n", 20_000, "round trips in a round")
)

// measured is one round of one variant.
type measured struct {
	rate                   float64 // round trips a second
	client, server, allocs float64 // µs, µs and allocations a round trip
}

// measure runs n round trips and reads what they cost.
func measure(b *testing.B, broker *brokers, n int, run func()) measured {
	b.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	client, server, begun := ownCPU(b), broker.cpu(b), time.Now()
	run()
	took := time.Since(begun)
	m := measured{
		rate:   float64(n) / took.Seconds(),
		client: float64((ownCPU(b) - client).Microseconds()) / float64(n),
		server: float64((broker.cpu(b) - server).Microseconds()) / float64(n),
	}
	runtime.ReadMemStats(&after)
	m.allocs = float64(after.Mallocs-before.Mallocs) / float64(n)
	return m
}

// BenchmarkThroughput compares the services, as they are, with the floor.
func BenchmarkThroughput(b *testing.B) {
	compare(b, setting{nodes: 1}, *messages)
}

// BenchmarkDurability is the same where the broker syncs each write to the disk
// before it confirms, and where three nodes hold each message.
func BenchmarkDurability(b *testing.B) {
	for _, s := range []setting{{nodes: 1, sync: true}, {nodes: 3}, {nodes: 3, sync: true}} {
		b.Run(s.String(), func(b *testing.B) { compare(b, s, *messages/4) })
	}
}

// compare runs n round trips in turn: on the floor, on the floor with what
// proves that nothing is lost or done twice, and by the services.
func compare(b *testing.B, s setting, n int) {
	b.Helper()
	results := make(map[string][]measured)
	for range *rounds {
		results["floor"] = append(results["floor"], floorRound(b, s, n, false))
		results["recorded"] = append(results["recorded"], floorRound(b, s, n, true))
		results["services"] = append(results["services"], servicesRound(b, s, n))
	}
	for _, variant := range []string{"floor", "recorded", "services"} {
		report(b, variant, results)
	}
}

// floorRound is a round of the bare loop, on a broker of its own.
func floorRound(b *testing.B, s setting, n int, recorded bool) measured {
	b.Helper()
	broker := startBrokers(b, s)
	defer broker.stop()
	nc, err := nats.Connect(broker.url)
	require.NoError(b, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(b, err)
	_, err = setup.Apply(b.Context(), js, topology.Settings{Replicas: s.nodes})
	require.NoError(b, err)
	f := &floor{b: b, nc: nc, recorded: recorded}
	f.run(b.Context(), n/10) // warm
	return measure(b, broker, n, func() { f.run(b.Context(), n) })
}

// servicesRound is a round of one requestor and one generator, unchanged.
func servicesRound(b *testing.B, s setting, n int) measured {
	b.Helper()
	broker := startBrokers(b, s)
	defer broker.stop()
	d, options := deploy(b, broker)
	require.NoError(b, d.Generators.Scale(1))
	trips(b, d, options, n/10) // warm
	m := measure(b, broker, n, func() { trips(b, d, options, n) })
	finished(b, d)
	return m
}

// deploy sets up the broker; replicas are the caller's to start, in this process.
func deploy(b *testing.B, broker *brokers) (*embedded.Deployment, *embedded.Options) {
	b.Helper()
	options := &embedded.Options{
		Topology:        topology.Settings{Replicas: broker.nodes, SyncAlways: broker.sync},
		ShutdownTimeout: 10 * time.Second,
	}
	d, err := embedded.Start(b.Context(), func(string) service.Broker { return service.Broker{URL: broker.url} }, options, zerolog.Nop())
	require.NoError(b, err)
	b.Cleanup(d.Stop)
	return d, options
}

// finished fails the benchmark if anything was lost, done twice, or left: how
// fast it was would mean nothing.
func finished(b *testing.B, d *embedded.Deployment) {
	b.Helper()
	verdict, err := verify.Run(b.Context(), d.JS, d.Topology, nil)
	require.NoError(b, err)
	require.True(b, verdict.Finished(), "%+v", verdict)
}

// trips runs n round trips, asked as fast as it goes, and returns when all are
// finished.
func trips(b *testing.B, d *embedded.Deployment, options *embedded.Options, n int) {
	b.Helper()
	received := d.Topology.Ledger(topology.Received)
	before, err := received.Count(b.Context())
	require.NoError(b, err)
	options.Requestor.Rate, options.Requestor.Count = 1e6, n
	require.NoError(b, d.Requestors.Scale(1))
	look := time.NewTicker(50 * time.Millisecond) // more often, and the looking would be seen in the figures
	defer look.Stop()
	for {
		now, err := received.Count(b.Context())
		require.NoError(b, err)
		if now >= before+uint64(n) {
			break
		}
		<-look.C
	}
	require.NoError(b, d.Requestors.Scale(0))
}
