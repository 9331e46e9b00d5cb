package publish_test

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/publish"
)

// A batch is confirmed as a whole: the broker does not answer each message.
func TestABatchIsConfirmedAsAWhole(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	js := create(t, broker, stream)
	conn := broker.Connect()
	p := publisher(t, conn)
	before := conn.Stats().InMsgs

	refused, err := p.Publish(t.Context(), messages("work.a", 1000))

	require.NoError(t, err)
	require.Nil(t, refused)
	require.Less(t, conn.Stats().InMsgs-before, uint64(20), "answers to 1000 messages")
	requireEachOnce(t, js, 1000)
}

// Wherever a batch breaks off, the rest is published all the same.
func TestABatchThatBreaksOffIsFinished(t *testing.T) {
	t.Parallel()
	const n = 50
	for _, taken := range []int{0, 1, n / 2, n - 2, n - 1} {
		t.Run(fmt.Sprint("at ", taken), func(t *testing.T) {
			t.Parallel()
			broker := brokertest.Start(t)
			js := create(t, broker, stream)
			p := publisher(t, broker.Connect())
			var batch []*nats.Msg
			for i := range n {
				batch = append(batch, &nats.Msg{
					Subject: fmt.Sprint("work.", i), Data: []byte("mine"),
					Header: nats.Header{jetstream.ExpectedLastSubjSeqHeader: {"0"}},
				})
			}
			_, err := js.Publish(t.Context(), batch[taken].Subject, []byte("another's"))
			require.NoError(t, err)

			refused, err := p.Publish(t.Context(), batch)

			require.NoError(t, err)
			require.Len(t, refused, 1)
			require.ErrorIs(t, refused[taken], publish.ErrExists)
			s, err := js.Stream(t.Context(), stream.Name)
			require.NoError(t, err)
			require.EqualValues(t, n, s.CachedInfo().State.Msgs)
		})
	}
}

// What the broker knows already counts as confirmed, in a batch too.
func TestABatchOfRepeatedMessages(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	js := create(t, broker, stream)
	p := publisher(t, broker.Connect())
	first, again := messages("work.a", 100), messages("work.a", 150)

	require.NoError(t, complete(p.Publish(t.Context(), first)))
	require.NoError(t, complete(p.Publish(t.Context(), again)))

	requireEachOnce(t, js, 150)
}

// A stream that was made without fast batches takes messages one by one.
func TestAStreamWithoutBatches(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	plain := stream
	plain.AllowBatchPublish = false
	js := create(t, broker, plain)
	p := publisher(t, broker.Connect())

	require.NoError(t, complete(p.Publish(t.Context(), messages("work.a", 100))))

	requireEachOnce(t, js, 100)
}
