package bench

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/setup"
	"decoupled.example/shared/topology"
)

var (
	rates  = flag.String("bench.rates", "1,10,100,1000,3000", "round trips a second at which the cost is measured")
	window = flag.Duration("bench.window", 8*time.Second, "how long each rate is measured")
)

// cost is what round trips at a moderate rate cost in one round.
type cost struct {
	client, server float64 // µs of processor time a round trip
	p50, p99       time.Duration
}

// BenchmarkModerate measures round trips at rates that leave the machine idle for
// most of the time: by the services, and by the recorded loop at the same rate.
// Both run in this process, so that both have the same number of processes to wake.
func BenchmarkModerate(b *testing.B) {
	for text := range strings.SplitSeq(*rates, ",") {
		rate, err := strconv.ParseFloat(text, 64)
		require.NoError(b, err)
		results := make(map[string][]cost)
		for range *rounds {
			results["recorded"] = append(results["recorded"], costs(b, recordedAt, rate))
			results["services"] = append(results["services"], costs(b, servicesAt, rate))
		}
		for _, variant := range []string{"recorded", "services"} {
			b.Run(text+" a second/"+variant, func(b *testing.B) { reportCosts(b, results[variant], results["recorded"]) })
		}
	}
}

func reportCosts(b *testing.B, results, recorded []cost) {
	b.Helper()
	b.ReportMetric(0, "ns/op") // what is measured took place before
	for unit, of := range map[string]func(cost) float64{
		"client-µs/rt": func(c cost) float64 { return c.client },
		"server-µs/rt": func(c cost) float64 { return c.server },
		"µs/rt":        func(c cost) float64 { return c.client + c.server },
		"p50-ms":       func(c cost) float64 { return milliseconds(c.p50) },
		"p99-ms":       func(c cost) float64 { return milliseconds(c.p99) },
	} {
		values, ratios := make([]float64, len(results)), make([]float64, len(results))
		for i := range results { // round by round, as the machine was at the time
			values[i], ratios[i] = of(results[i]), of(results[i])/of(recorded[i])
		}
		b.ReportMetric(middle(values), unit)
		if &results[0] != &recorded[0] && !strings.HasPrefix(unit, "client") && !strings.HasPrefix(unit, "server") {
			b.ReportMetric(middle(ratios), "×"+strings.TrimSuffix(unit, "/rt"))
		}
	}
}

func middle(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// costs measures one round. First nobody looks on, for the processor time; then a
// third party sees on the wire when each round trip begins and ends.
func costs(b *testing.B, begin func(*testing.B, *brokers, float64) (end func()), rate float64) cost {
	b.Helper()
	broker := startBrokers(b, setting{nodes: 1})
	defer broker.stop()
	end := begin(b, broker, rate)
	defer end()
	nc, err := nats.Connect(broker.url)
	require.NoError(b, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(b, err)
	received, err := js.Stream(b.Context(), "KV_"+topology.Received)
	require.NoError(b, err)
	count := func() uint64 {
		info, err := received.Info(b.Context())
		require.NoError(b, err)
		return info.State.Msgs
	}
	require.Eventually(b, func() bool { return count() > 0 }, time.Minute, 10*time.Millisecond)
	<-time.After(time.Second) // warm

	before, client, server := count(), ownCPU(b), broker.cpu(b)
	<-time.After(*window)
	n := float64(count() - before)
	require.Positive(b, n)
	c := cost{
		client: float64((ownCPU(b) - client).Microseconds()) / n,
		server: float64((broker.cpu(b) - server).Microseconds()) / n,
	}
	all := observe(b, nc)
	c.p50, c.p99 = all[len(all)/2], all[len(all)*99/100]
	return c
}

// observe returns how long the round trips of a window took, in order of size.
func observe(b *testing.B, nc *nats.Conn) (all []time.Duration) {
	b.Helper()
	seen := make(chan *nats.Msg, 1<<16)
	for _, subject := range []string{topology.SubjectRequest, "$KV." + topology.Received + ".>"} {
		sub, err := nc.ChanSubscribe(subject, seen)
		require.NoError(b, err)
		defer func() { _ = sub.Unsubscribe() }()
	}
	begun := make(map[string]time.Time)
	for enough := time.After(*window); ; {
		select {
		case m := <-seen:
			if m.Subject == topology.SubjectRequest {
				begun[idOf(m.Data)] = time.Now()
			} else if at, ok := begun[m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]]; ok {
				all = append(all, time.Since(at))
			}
		case <-enough:
			require.NotEmpty(b, all)
			slices.Sort(all)
			return all
		}
	}
}

// idOf returns the ID in a request of the services, or of the recorded loop.
func idOf(body []byte) string {
	return strings.TrimPrefix(string(body), `{"id":"`)[:idSize]
}

// recordedAt begins the recorded loop.
func recordedAt(b *testing.B, broker *brokers, rate float64) (end func()) {
	b.Helper()
	nc, err := nats.Connect(broker.url)
	require.NoError(b, err)
	js, err := jetstream.New(nc)
	require.NoError(b, err)
	_, err = setup.Apply(b.Context(), js, topology.Settings{Replicas: broker.nodes})
	require.NoError(b, err)
	f := &floor{b: b, nc: nc, recorded: true, rate: rate}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.run(ctx, 1<<30)
	}()
	return func() {
		cancel()
		<-ended
		nc.Close()
	}
}

// servicesAt begins one requestor and one generator, unchanged.
func servicesAt(b *testing.B, broker *brokers, rate float64) (end func()) {
	b.Helper()
	d, options := deploy(b, broker)
	require.NoError(b, d.Generators.Scale(1))
	options.Requestor.Rate, options.Requestor.Count = rate, 0
	require.NoError(b, d.Requestors.Scale(1))
	return func() {
		require.NoError(b, d.Requestors.Scale(0), fmt.Sprint(rate))
		d.Stop()
	}
}
