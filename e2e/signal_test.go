package e2e_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/demo/embedded"
	"decoupled.example/shared/topology"
)

// A broker that is killed has everything it has confirmed, and the services go
// on by themselves: not by a time-out, which would take ten seconds.
func TestBrokerKilledUnderLoad(t *testing.T) {
	t.Parallel()
	b := startBrokerProcess(t)
	d := startOn(t, b.url())
	d.scale(2, 2)
	const bursts, burst = 20, 200
	asking := make(chan int)
	go func() {
		total := 0
		for range bursts {
			total += len(d.ask(burst))
		}
		asking <- total
	}()
	for kills := 1; kills <= 3; kills++ {
		d.eventually(func() bool { return d.count(topology.Received) >= kills*burst }, "under load")
		b.kill()
		b.start()
		back := time.Now()
		before := d.count(topology.Received)
		d.eventually(func() bool { return d.count(topology.Received) > before || before == bursts*burst }, "the services go on")
		gap := time.Since(back)
		t.Logf("kill %d: went on %v after the broker's return", kills, gap.Round(time.Millisecond))
		require.Less(t, gap, 8*time.Second, "they must notice the reconnect, not miss heartbeats")
	}
	d.proven(<-asking)
}

// A replica that is told to stop leaves nothing behind that others would have to
// wait for: with an AckWait of an hour, whoever comes next gets it at once.
func TestTerminatedReplicasStrandNothing(t *testing.T) {
	t.Parallel()
	const n = 20_000
	d := start(t, func(o *embedded.Options) { o.Topology.AckWait = time.Hour })
	d.ask(n)
	generators, requestors := program(t, "generator"), program(t, "requestor")
	at := []string{"NATS_URL=" + d.broker.URL()}
	for round := 1; round <= 3; round++ {
		g := launch(t, generators, at)
		r := launch(t, requestors, at, "--rate", "0")
		d.eventually(func() bool { return d.count(topology.Received) >= round*n/10 }, "under load")
		require.Zero(t, g.terminate())
		require.Zero(t, r.terminate())
	}
	d.scale(1, 1)
	d.proven(n)
}

// Replicas killed at random moments leave work half done. It is delivered again,
// and ends as if nothing had happened.
func TestKilledReplicasLoseNothing(t *testing.T) {
	t.Parallel()
	const n = 10_000
	d := start(t)
	generators, requestors := program(t, "generator"), program(t, "requestor")
	at := []string{"NATS_URL=" + d.broker.URL()}
	d.ask(n)
	for round := 1; round <= 6; round++ {
		g := launch(t, generators, at)
		r := launch(t, requestors, at, "--rate", "0")
		mark := d.count(topology.Generated) + d.count(topology.Stored) + 1 + rand.IntN(n/8)
		d.eventually(func() bool {
			return d.count(topology.Generated)+d.count(topology.Stored) >= min(mark, 2*n)
		}, "under load")
		g.kill()
		r.kill()
	}
	d.scale(1, 1)
	d.proven(n)
	repeated := uint64(0)
	for _, x := range d.depths() {
		repeated += x.Repeated
	}
	require.NotZero(t, repeated, "nothing was killed with work in hand: this proves nothing")
}
