package setup_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/setup"
	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/topology"
)

// all are the names of everything there is, in the order it is made.
var all = []string{
	"REQUESTS", "RESPONSES", "RECEIPTS", "DEAD_LETTERS",
	"KV_asked", "KV_generated", "KV_stored", "KV_received", "KV_attempts",
	"REQUESTS/generator", "RESPONSES/requestor", "RECEIPTS/generator",
}

func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func jetStream(t *testing.T, b *brokertest.Broker) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(b.Connect())
	require.NoError(t, err)
	return js
}

// everything is how all that is at the broker is configured.
func everything(t *testing.T, js jetstream.JetStream) map[string]any {
	t.Helper()
	configs := make(map[string]any)
	streams := js.ListStreams(bounded(t))
	for info := range streams.Info() {
		configs[info.Config.Name] = info.Config
		stream, err := js.Stream(bounded(t), info.Config.Name)
		require.NoError(t, err)
		consumers := stream.ListConsumers(bounded(t))
		for consumer := range consumers.Info() {
			configs[info.Config.Name+"/"+consumer.Name] = consumer.Config
		}
		require.NoError(t, consumers.Err())
	}
	require.NoError(t, streams.Err())
	return configs
}

func TestSetupMakesEverythingOnce(t *testing.T) {
	t.Parallel()
	js := jetStream(t, brokertest.Start(t))
	result, err := setup.Apply(bounded(t), js, topology.Settings{})
	require.NoError(t, err)
	require.Equal(t, setup.Result{Created: all}, result)
	made := everything(t, js)
	require.Len(t, made, len(all))

	for range 3 {
		result, err = setup.Apply(bounded(t), js, topology.Settings{})
		require.NoError(t, err)
		require.Equal(t, setup.Result{Present: all}, result)
		require.Equal(t, made, everything(t, js))
	}
}

func TestSetupsAtOnce(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	const n = 8
	results := make([]setup.Result, n)
	errs := make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		js := jetStream(t, b)
		group.Go(func() { results[i], errs[i] = setup.Apply(bounded(t), js, topology.Settings{}) })
	}
	group.Wait()
	for i := range n {
		require.NoError(t, errs[i])
		require.ElementsMatch(t, all, append(results[i].Created, results[i].Present...))
	}
}

// Setups that want different things: for each one everything is there, as it
// should be or not.
func TestSetupsAtOnceThatDiffer(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	const n = 6
	results := make([]setup.Result, n)
	errs := make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		js := jetStream(t, b)
		settings := topology.Settings{AckWait: time.Duration(i%2+1) * time.Second, MaxBytes: int64(i%2+1) << 20}
		group.Go(func() { results[i], errs[i] = setup.Apply(bounded(t), js, settings) })
	}
	group.Wait()
	for i := range n {
		for _, name := range all {
			require.True(t, slices.Contains(results[i].Created, name) || slices.Contains(results[i].Present, name) ||
				slices.ContainsFunc(results[i].Different, func(d string) bool { return strings.HasPrefix(d, name+": ") }), name)
		}
		if errs[i] != nil {
			var different *setup.DifferentError
			require.ErrorAs(t, errs[i], &different)
		}
	}
}

// Whatever settings a deployment may choose, the broker takes them, and finds
// them as they should be when they are applied again.
func TestSetupWithEachSetting(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]topology.Settings{
		"the shortest acknowledgement wait":            {AckWait: 100 * time.Millisecond},
		"the smallest queues":                          {MaxBytes: 128 << 10},
		"ledgers that forget soon":                     {AckWait: time.Second, Keep: time.Second},
		"ledgers that forget within the deduplication": {Keep: 15 * time.Second},
		"ledgers that forget in a day":                 {Keep: 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			js := jetStream(t, brokertest.Start(t))
			_, err := setup.Apply(bounded(t), js, settings)
			require.NoError(t, err)
			result, err := setup.Apply(bounded(t), js, settings)
			require.NoError(t, err)
			require.Equal(t, all, result.Present)

			for _, name := range topology.LedgerNames {
				ledger, err := js.Stream(bounded(t), "KV_"+name)
				require.NoError(t, err)
				config := ledger.CachedInfo().Config
				require.Equal(t, settings.Keep, config.MaxAge)
				if settings.Keep > 0 {
					require.LessOrEqual(t, config.Duplicates, config.MaxAge)
				}
			}
		})
	}
}

func TestSetupWithBadSettings(t *testing.T) {
	t.Parallel()
	js := jetStream(t, brokertest.Start(t))
	for _, test := range []struct {
		settings topology.Settings
		want     string
	}{
		{topology.Settings{Replicas: 2}, "cannot set up: replicas must be 1 or 3, not 2"},
		{topology.Settings{Replicas: -1}, "cannot set up: replicas must be 1 or 3, not -1"},
		{topology.Settings{AckWait: time.Millisecond}, "cannot set up: the ack wait must be at least 100ms, not 1ms"},
		{topology.Settings{MaxBytes: 1000}, "cannot set up: a queue must hold at least one message of 131072 bytes, not 1000"},
		{topology.Settings{Keep: -time.Hour}, "cannot set up: ledger retention must not be negative"},
		{topology.Settings{Keep: time.Second}, "cannot set up: ledger retention must be longer than the ack wait (10s), not 1s"},
	} {
		result, err := setup.Apply(bounded(t), js, test.settings)
		require.EqualError(t, err, test.want)
		require.Zero(t, result)
	}
	require.Empty(t, everything(t, js), "nothing was made")
}

// A paused queue, and what an operator or the broker notes about a stream, is
// no other configuration.
func TestSetupLeavesOperatorsTheirNotes(t *testing.T) {
	t.Parallel()
	js := jetStream(t, brokertest.Start(t))
	_, err := setup.Apply(bounded(t), js, topology.Settings{})
	require.NoError(t, err)
	_, err = js.PauseConsumer(bounded(t), topology.Requests, topology.Generator, time.Now().Add(time.Hour))
	require.NoError(t, err)
	stream, err := js.Stream(bounded(t), "KV_asked")
	require.NoError(t, err)
	config := stream.CachedInfo().Config
	config.Description, config.Metadata["owner"] = "mine", "me"
	_, err = js.UpdateStream(bounded(t), config)
	require.NoError(t, err)

	result, err := setup.Apply(bounded(t), js, topology.Settings{})
	require.NoError(t, err)
	require.Equal(t, all, result.Present)
}
