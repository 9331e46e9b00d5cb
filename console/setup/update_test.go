package setup_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/internal/testbed"
	"decoupled.example/console/setup"
	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/topology"
)

func TestUpdateChangesWhatCanBeChangedSafely(t *testing.T) {
	t.Parallel()
	js, err := jetstream.New(brokertest.Start(t).Connect())
	require.NoError(t, err)
	_, err = setup.Apply(t.Context(), js, topology.Settings{Keep: time.Hour})
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), topology.SubjectRequest, []byte("stays"))
	require.NoError(t, err)
	attempts, err := js.Stream(t.Context(), "KV_"+topology.Attempts)
	require.NoError(t, err)
	older := attempts.CachedInfo().Config // as versions before this one made it
	older.AllowRollup, older.MaxMsgSize = true, -1
	_, err = js.UpdateStream(t.Context(), older)
	require.NoError(t, err)

	changed := topology.Settings{MaxBytes: 2 << 30, AckWait: 20 * time.Second, Keep: 24 * time.Hour}
	result, err := setup.Update(t.Context(), js, changed)
	require.NoError(t, err)
	require.Contains(t, result.Updated, topology.Requests)
	require.Contains(t, result.Updated, topology.Requests+"/"+topology.Generator)
	require.Contains(t, result.Updated, "KV_"+topology.Stored)
	require.Contains(t, result.Updated, "KV_"+topology.Attempts)

	result, err = setup.Apply(t.Context(), js, changed)
	require.NoError(t, err, "all is as it should be now")
	require.Empty(t, result.Updated)
	stream, err := js.Stream(t.Context(), topology.Requests)
	require.NoError(t, err)
	require.EqualValues(t, 1, stream.CachedInfo().State.Msgs)
}

func TestUpdateLeavesAloneWhatCannotBeChangedSafely(t *testing.T) {
	t.Parallel()
	js, err := jetstream.New(brokertest.Start(t).Connect())
	require.NoError(t, err)
	before, err := js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "KV_" + topology.Asked, Subjects: []string{"$KV." + topology.Asked + ".>"}, MaxBytes: 1 << 20,
	})
	require.NoError(t, err)

	_, err = setup.Update(t.Context(), js, topology.Settings{})

	var different *setup.DifferentError
	require.ErrorAs(t, err, &different)
	require.Contains(t, different.Error(), "max_msgs_per_subject")
	after, err := js.Stream(t.Context(), "KV_"+topology.Asked)
	require.NoError(t, err)
	require.Equal(t, before.CachedInfo().Config, after.CachedInfo().Config)
}

// An update that would lose something is not made, by whoever forgot a flag: it
// says what it is, and what to do if it is meant.
func TestUpdateLosesNothing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		was, should topology.Settings
		want        string
	}{
		"an end to a memory without one": {
			topology.Settings{}, topology.Settings{Keep: time.Hour},
			"KV_asked: max_age is 0s, should be 1h0m0s: that would remove what is older for good; give --keep, or if it is meant use `nats stream edit --max-age`",
		},
		"a shorter memory": {
			topology.Settings{Keep: time.Hour}, topology.Settings{Keep: time.Minute},
			"KV_asked: max_age is 1h0m0s, should be 1m0s: that would remove what is older for good",
		},
		"less time to handle a message": {
			topology.Settings{AckWait: 5 * time.Second}, topology.Settings{AckWait: time.Second},
			"REQUESTS/generator: ack_wait is 5s, should be 1s: replicas that run would be too slow for it, and others would be given the same work; give --ack-wait",
		},
		"a shorter memory, and larger queues": {
			topology.Settings{Keep: time.Hour}, topology.Settings{Keep: time.Minute, MaxBytes: 2 << 30},
			"KV_asked: max_age is 1h0m0s, should be 1m0s: that would remove what is older for good",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			js := jetStream(t, brokertest.Start(t))
			_, err := setup.Apply(bounded(t), js, test.was)
			require.NoError(t, err)
			before := everything(t, js)

			result, err := setup.Update(bounded(t), js, test.should)

			var different *setup.DifferentError
			require.ErrorAs(t, err, &different)
			require.ErrorContains(t, err, test.want)
			require.Equal(t, different.Differences, result.Different)
			require.Equal(t, before, everything(t, js), "nothing is changed")
			_, err = setup.Update(bounded(t), js, topology.Settings{})
			require.NoError(t, err, "the other way round it is")
			result, err = setup.Apply(bounded(t), js, topology.Settings{})
			require.NoError(t, err)
			require.Empty(t, result.Different)
		})
	}
}

// What a ledger has forgotten when its retention is made longer is noted by the
// broker's clock, which is what it is compared with.
func TestUpdate_NotesWhatHasExpiredByTheBrokersClock(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"ahead": 2 * time.Hour, "behind": -2 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := testbed.StartShifted(t, ahead, func(s *topology.Settings) { s.Keep = time.Second })
			b.Keep(topology.Asked, ledger.Entry{ID: "one"})
			b.Eventually(func() bool { return b.Messages("KV_"+topology.Asked) == 0 }, "it has expired")
			_, err := setup.Update(b.Context(), b.JS, topology.Settings{AckWait: time.Second, Keep: time.Hour})
			require.NoError(t, err)
			b.Shift(0)
			stream, err := b.JS.Stream(b.Context(), "KV_"+topology.Asked)
			require.NoError(t, err)
			info := stream.CachedInfo()
			require.WithinRange(t, topology.ExpiredBefore(info.Config.Metadata), info.Created, info.TimeStamp)
		})
	}
}
