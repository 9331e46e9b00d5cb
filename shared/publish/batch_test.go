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

// inBatches is the stream as it is made for a broker that syncs every write.
func inBatches() jetstream.StreamConfig {
	config := stream
	config.AllowAtomicPublish = true
	return config
}

// Where the stream allows it, the broker answers once for many.
func TestABatchIsConfirmedAsAWhole(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	js := create(t, broker, inBatches())
	conn := broker.Connect()
	p := publisher(t, conn)
	before := conn.Stats().InMsgs

	refused, err := p.Publish(t.Context(), stream.Name, messages("work.a", 2500))

	require.NoError(t, err)
	require.Nil(t, refused)
	require.EqualValues(t, 3, conn.Stats().InMsgs-before, "answers to 2500 messages")
	requireEachOnce(t, js, 2500)
}

// One message that the broker refuses ends the batch; all others are published
// all the same.
func TestABatchThatIsRefusedGoesOneByOne(t *testing.T) {
	t.Parallel()
	const n = 50
	for _, taken := range []int{0, n / 2, n - 1} {
		t.Run(fmt.Sprint("at ", taken), func(t *testing.T) {
			t.Parallel()
			broker := brokertest.Start(t)
			js := create(t, broker, inBatches())
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

			refused, err := p.Publish(t.Context(), stream.Name, batch)

			require.NoError(t, err)
			require.Len(t, refused, 1)
			require.ErrorIs(t, refused[taken], publish.ErrExists)
			s, err := js.Stream(t.Context(), stream.Name)
			require.NoError(t, err)
			require.EqualValues(t, n, s.CachedInfo().State.Msgs)
		})
	}
}

func TestPublish_ReportsDuplicatesOfABatch(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	js := create(t, broker, inBatches())
	p := publisher(t, broker.Connect())
	first, again := messages("work.a", 100), messages("work.a", 150)

	require.NoError(t, complete(p.Publish(t.Context(), stream.Name, first)))
	refused, err := p.Publish(t.Context(), stream.Name, again)

	require.NoError(t, err)
	require.Len(t, refused, 100)
	for i := range first {
		require.ErrorIs(t, refused[i], publish.ErrDuplicate)
	}
	requireEachOnce(t, js, 150)
}

// A stream that takes no batches is asked to once, not with each call.
func TestAStreamWithoutBatchesIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	js := create(t, broker, stream)
	conn := broker.Connect()
	p := publisher(t, conn)
	require.NoError(t, complete(p.Publish(t.Context(), stream.Name, messages("work.a", 100))))
	before := conn.Stats().OutMsgs

	require.NoError(t, complete(p.Publish(t.Context(), stream.Name, messages("work.b", 100))))

	require.EqualValues(t, 100, conn.Stats().OutMsgs-before)
	requireEachOnce(t, js, 200)
}
