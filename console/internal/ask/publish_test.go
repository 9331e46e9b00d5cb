package ask_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/internal/ask"
	"decoupled.example/shared/brokertest"
)

// A stream without a leader has nobody who takes a message, as a missing one. It
// will have one.
func TestPublishWaitsForALeader(t *testing.T) {
	t.Parallel()
	cluster := brokertest.StartCluster(t)
	nc := cluster.Nodes[0].Connect()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "WORK", Subjects: []string{"work"}, Replicas: 3})
	require.NoError(t, err)
	for _, node := range cluster.Nodes[1:] {
		node.Stop()
	}
	require.Eventually(t, func() bool {
		_, err := js.Publish(t.Context(), "work", nil)
		return err != nil
	}, time.Minute, time.Millisecond, "it has no leader")

	before := nc.Stats().OutMsgs
	done := make(chan error, 1)
	m := &nats.Msg{Subject: "work", Header: nats.Header{jetstream.MsgIDHeader: {"one"}}}
	go func() { done <- ask.Publish(t.Context(), js, "WORK", m) }()
	require.Eventually(t, func() bool { return nc.Stats().OutMsgs > before+10 || len(done) > 0 }, time.Minute, time.Millisecond)
	select {
	case err := <-done:
		require.FailNow(t, "it gave up", "%v", err)
	default:
	}
	for _, node := range cluster.Nodes[1:] {
		node.Restart()
	}
	require.NoError(t, <-done)
}

func TestPublishWhereNoStreamTakesIt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, js := connect(t, brokertest.Start(t))
	_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "WORK", Subjects: []string{"work"}})
	require.NoError(t, err)
	for stream, subject := range map[string]string{"OTHER": "other", "WORK": "unknown"} {
		err := ask.Publish(ctx, js, stream, &nats.Msg{Subject: subject})
		require.ErrorIs(t, err, jetstream.ErrNoStreamResponse)
		require.ErrorContains(t, err, "run setup")
	}
}

// Where subjects overlap, or a stream is missing, another one may confirm.
func TestPublish_RefusesTheConfirmationOfAnotherStream(t *testing.T) {
	t.Parallel()
	_, js := connect(t, brokertest.Start(t))
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"work"}})
	require.NoError(t, err)
	err = ask.Publish(t.Context(), js, "WORK", &nats.Msg{Subject: "work"})
	require.EqualError(t, err, "stream OTHER took the message, not WORK: their subjects overlap")
}

// "Duplicate" says only that some message is stored under the ID.
func TestPublish_NoticesAnUnexpectedDuplicate(t *testing.T) {
	t.Parallel()
	_, js := connect(t, brokertest.Start(t))
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "WORK", Subjects: []string{"work"}})
	require.NoError(t, err)
	_, err = js.Publish(t.Context(), "work", []byte("another"), jetstream.WithMsgID("one"))
	require.NoError(t, err)
	m := &nats.Msg{Subject: "work", Header: nats.Header{jetstream.MsgIDHeader: {"one"}}}
	err = ask.Publish(t.Context(), js, "WORK", m)
	require.ErrorIs(t, err, ask.ErrDuplicate)
	require.ErrorContains(t, err, `"one"`)
}
