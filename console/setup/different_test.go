package setup_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/setup"
	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/topology"
)

// streamConfig is the configuration of a stream that is as it should be.
func streamConfig(t *testing.T, name string) jetstream.StreamConfig {
	t.Helper()
	streams, err := topology.Streams(topology.Settings{})
	require.NoError(t, err)
	i := slices.IndexFunc(streams, func(c jetstream.StreamConfig) bool { return c.Name == name })
	require.NotEqual(t, -1, i)
	return streams[i]
}

// Each difference of a stream is named, with what it is and what it should be.
func TestDifferentStream(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		stream string
		change func(*jetstream.StreamConfig)
		want   []string
	}{
		{
			"a smaller queue", topology.Requests, func(c *jetstream.StreamConfig) { c.MaxBytes = 200_000 },
			[]string{"REQUESTS: max_bytes is 200000, should be 1073741824"},
		},
		{
			"another retention", topology.Responses, func(c *jetstream.StreamConfig) { c.Retention = jetstream.LimitsPolicy },
			[]string{`RESPONSES: retention is "limits", should be "workqueue"`},
		},
		{
			"a queue that drops the old", topology.Receipts, func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld },
			[]string{`RECEIPTS: discard is "old", should be "new"`},
		},
		{
			"a queue that forgets", topology.Requests, func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
			[]string{"REQUESTS: max_age is 1h0m0s, should be 0s"},
		},
		{
			"another subject", topology.Requests, func(c *jetstream.StreamConfig) { c.Subjects = []string{"strings.requests"} },
			[]string{`REQUESTS: subjects is ["strings.requests"], should be ["strings.request"]`},
		},
		{
			"one subject more", topology.Requests, func(c *jetstream.StreamConfig) { c.Subjects = append(c.Subjects, "more") },
			[]string{`REQUESTS: subjects is ["strings.request","more"], should be ["strings.request"]`},
		},
		{
			"in memory", topology.Requests, func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
			[]string{`REQUESTS: storage is "memory", should be "file"`},
		},
		{
			"larger messages", topology.Requests, func(c *jetstream.StreamConfig) { c.MaxMsgSize = -1 },
			[]string{"REQUESTS: max_msg_size is -1, should be 131072"},
		},
		{
			"a limit on messages", topology.Requests, func(c *jetstream.StreamConfig) { c.MaxMsgs = 10 },
			[]string{"REQUESTS: max_msgs is 10, should be 0"},
		},
		{
			"another window of duplicates", topology.Requests, func(c *jetstream.StreamConfig) { c.Duplicates = 2 * time.Minute },
			[]string{"REQUESTS: duplicate_window is 2m0s, should be 30s"},
		},
		{
			"letters that cannot be looked at", topology.DeadLetters, func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy },
			[]string{`DEAD_LETTERS: retention is "workqueue", should be "limits"`},
		},
		{
			"a ledger that is not set-once", "KV_stored", func(c *jetstream.StreamConfig) {
				c.DiscardNewPerSubject, c.Discard, c.AllowRollup = false, jetstream.DiscardOld, true
			},
			[]string{
				"KV_stored: allow_rollup_hdrs is true, should be not set",
				`KV_stored: discard is "old", should be "new"`,
				"KV_stored: discard_new_per_subject is not set, should be true",
			},
		},
		{
			"a ledger that keeps what was before", "KV_asked", func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 5 },
			[]string{"KV_asked: max_msgs_per_subject is 5, should be 1"},
		},
		{
			"a queue that sends its messages elsewhere too", topology.Requests, func(c *jetstream.StreamConfig) {
				c.RePublish = &jetstream.RePublish{Source: ">", Destination: "copy.>"}
			},
			[]string{`REQUESTS: republish is {"dest":"copy.>","src":">"}, should be not set`},
		},
		{
			"letters that cannot be redriven", topology.DeadLetters, func(c *jetstream.StreamConfig) { c.DenyDelete = true },
			[]string{"DEAD_LETTERS: deny_delete is true, should be not set"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			js := jetStream(t, brokertest.Start(t))
			config := streamConfig(t, test.stream)
			test.change(&config)
			_, err := js.CreateStream(bounded(t), config)
			require.NoError(t, err)
			before := everything(t, js)[test.stream]

			for range 2 {
				result, err := setup.Apply(bounded(t), js, topology.Settings{})
				requireDifferent(t, err, test.want...)
				require.ElementsMatch(t, all, append(append(result.Created, result.Present...), test.stream), "what was missing is made")
			}
			require.Equal(t, before, everything(t, js)[test.stream], "what exists is not changed")
			require.Len(t, everything(t, js), len(all))
		})
	}
}

func requireDifferent(t *testing.T, err error, want ...string) {
	t.Helper()
	var different *setup.DifferentError
	require.ErrorAs(t, err, &different)
	require.Equal(t, want, different.Differences)
	require.ErrorContains(t, err, "cannot set up: ")
	for _, difference := range want {
		require.ErrorContains(t, err, difference)
	}
}

func TestDifferentConsumer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*jetstream.ConsumerConfig)
		want   string
	}{
		{"another wait", func(c *jetstream.ConsumerConfig) { c.AckWait = time.Second }, "REQUESTS/generator: ack_wait is 1s, should be 10s"},
		{"an end to deliveries", func(c *jetstream.ConsumerConfig) { c.MaxDeliver = 5 }, "REQUESTS/generator: max_deliver is 5, should be -1"},
		{"a limit on what is in flight", func(c *jetstream.ConsumerConfig) { c.MaxAckPending = 1000 }, "REQUESTS/generator: max_ack_pending is 1000, should be -1"},
		{"one that goes away", func(c *jetstream.ConsumerConfig) { c.InactiveThreshold = time.Hour }, "REQUESTS/generator: inactive_threshold is 1h0m0s, should be not set"},
		{"a filter", func(c *jetstream.ConsumerConfig) { c.FilterSubject = "strings.*" }, `REQUESTS/generator: filter_subject is "strings.*", should be not set`},
		{"a limit on requests", func(c *jetstream.ConsumerConfig) { c.MaxRequestBatch = 1 }, "REQUESTS/generator: max_batch is 1, should be not set"},
		{"few waiting requests", func(c *jetstream.ConsumerConfig) { c.MaxWaiting = 2 }, "REQUESTS/generator: max_waiting is 2, should be not set"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			js := jetStream(t, brokertest.Start(t))
			_, err := setup.Apply(bounded(t), js, topology.Settings{})
			require.NoError(t, err)
			consumer, err := js.Consumer(bounded(t), topology.Requests, topology.Generator)
			require.NoError(t, err)
			config := consumer.CachedInfo().Config
			require.NoError(t, js.DeleteConsumer(bounded(t), topology.Requests, topology.Generator))
			test.change(&config)
			_, err = js.CreateConsumer(bounded(t), topology.Requests, config)
			require.NoError(t, err)
			before := everything(t, js)

			_, err = setup.Apply(bounded(t), js, topology.Settings{})
			requireDifferent(t, err, test.want)
			require.Equal(t, before, everything(t, js), "what exists is not changed")
		})
	}
}

// What differs in several places is said at once.
func TestDifferentSettings(t *testing.T) {
	t.Parallel()
	js := jetStream(t, brokertest.Start(t))
	_, err := setup.Apply(bounded(t), js, topology.Settings{})
	require.NoError(t, err)
	_, err = setup.Apply(bounded(t), js, topology.Settings{AckWait: time.Second, MaxBytes: 1 << 20, Keep: time.Hour})
	requireDifferent(t, err,
		"REQUESTS: max_bytes is 1073741824, should be 1048576",
		"RESPONSES: max_bytes is 1073741824, should be 1048576",
		"RECEIPTS: max_bytes is 1073741824, should be 1048576",
		"DEAD_LETTERS: max_bytes is 1073741824, should be 1048576",
		"KV_asked: max_age is 0s, should be 1h0m0s",
		"KV_generated: max_age is 0s, should be 1h0m0s",
		"KV_stored: max_age is 0s, should be 1h0m0s",
		"KV_received: max_age is 0s, should be 1h0m0s",
		"REQUESTS/generator: ack_wait is 10s, should be 1s",
		"RESPONSES/requestor: ack_wait is 10s, should be 1s",
		"RECEIPTS/generator: ack_wait is 10s, should be 1s",
	)
}
