package e2e_test

import (
	"context"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/depth"
	"decoupled.example/console/drain"
	"decoupled.example/console/verify"
	"decoupled.example/demo/embedded"
	"decoupled.example/requestor"
	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

// patience bounds every wait. It is generous because a loaded machine is slow;
// no test waits for it unless it fails.
const patience = 60 * time.Second

// ackWait is short, so that what a crash left behind comes back soon.
const ackWait = time.Second

// system is the services in this process, on a broker of the test's own.
type system struct {
	*embedded.Deployment
	t       *testing.T
	broker  *brokertest.Broker // nil on a cluster
	options *embedded.Options
}

// start starts a broker and sets up the queues; replicas are the test's to
// start. The requestor only stores unless the test changes that.
func start(t *testing.T, change ...func(*embedded.Options)) *system {
	t.Helper()
	broker := brokertest.Start(t)
	d := startOn(t, broker.URL(), change...)
	d.broker = broker
	return d
}

func startOn(t *testing.T, url string, change ...func(*embedded.Options)) *system {
	t.Helper()
	options := &embedded.Options{
		Topology: topology.Settings{AckWait: ackWait},
		Grace:    10 * time.Second,
	}
	for _, c := range change {
		c(options)
	}
	d, err := embedded.Start(t.Context(), url, options, logger(t))
	require.NoError(t, err)
	t.Cleanup(d.Stop)
	return &system{Deployment: d, t: t, options: options}
}

// logger shows what the services say when the test fails.
func logger(t *testing.T) zerolog.Logger {
	t.Helper()
	return zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel)
}

func (d *system) scale(requestors, generators int) {
	d.t.Helper()
	require.NoError(d.t, d.Requestors.Scale(requestors))
	require.NoError(d.t, d.Generators.Scale(generators))
}

// ask asks for n strings as a requestor does.
func (d *system) ask(n int) []contract.Request {
	d.t.Helper()
	asked, err := requestor.NewAsker(d.Topology).Ask(d.context(), n)
	require.NoError(d.t, err)
	return asked
}

// drained waits until everything is finished.
func (d *system) drained() {
	d.t.Helper()
	require.NoError(d.t, drain.Wait(d.context(), d.JS, nil))
}

// proven waits until everything is finished and requires that all n requests
// are complete and nothing else is anywhere.
func (d *system) proven(n int) verify.Verdict {
	d.t.Helper()
	d.drained()
	verdict := d.verdict()
	require.EqualValues(d.t, n, verdict.Complete, "%+v", verdict)
	require.True(d.t, verdict.Finished(), "%+v", verdict)
	require.Zero(d.t, verdict.Letters, "%+v", verdict)
	return verdict
}

func (d *system) verdict() verify.Verdict {
	d.t.Helper()
	verdict, err := verify.Run(d.context(), d.JS, d.Topology)
	require.NoError(d.t, err)
	return verdict
}

// depths are the depths of the queues by name.
func (d *system) depths() map[string]depth.Depth {
	d.t.Helper()
	all, err := depth.Read(d.context(), d.JS)
	require.NoError(d.t, err)
	byName := make(map[string]depth.Depth)
	for _, x := range all {
		byName[x.Queue] = x
	}
	return byName
}

// count is the number of entries of a ledger.
func (d *system) count(ledger string) int {
	d.t.Helper()
	n, err := d.Topology.Ledger(ledger).Count(d.context())
	require.NoError(d.t, err)
	return int(n)
}

// eventually waits for a condition.
func (d *system) eventually(condition func() bool, what string, args ...any) {
	d.t.Helper()
	require.Eventually(d.t, condition, patience, 10*time.Millisecond, append([]any{what}, args...)...)
}

func (d *system) context() context.Context {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	d.t.Cleanup(cancel)
	return ctx
}
