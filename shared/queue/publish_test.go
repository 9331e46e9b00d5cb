package queue_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/publish"
	"decoupled.example/shared/topology"
)

func TestPublish_StoresTheValueWithoutAMessageID(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	q := f.requests()
	value := f.publish(q, 1)[0]

	stream, err := f.js.Stream(t.Context(), topology.Requests)
	require.NoError(t, err)
	m, err := stream.GetMsg(t.Context(), 1)
	require.NoError(t, err)
	require.Empty(t, m.Header.Get(jetstream.MsgIDHeader), "an ID that another message bears would make this one vanish")
	stored, err := contract.Requests.Decode(m.Header, m.Data)
	require.NoError(t, err)
	require.True(t, value.RequestedAt.Equal(stored.RequestedAt))
	require.EqualValues(t, 1, q.Counts().Published)
	require.Equal(t, topology.Requests, q.Name())
}

// Whoever may publish to the queue may do so under any message ID. The broker
// then takes the true message for a duplicate.
func TestPublish_IsNotSuppressedByAnotherMessagesID(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	values := newRequests(10)
	for _, v := range values {
		_, err := f.js.Publish(t.Context(), topology.SubjectRequest, []byte("forged"), jetstream.WithMsgID(v.ID))
		require.NoError(t, err)
	}
	require.NoError(t, f.requests().Publish(t.Context(), values...))
	require.Equal(t, 20, f.left())
}

func TestPublishNothing(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	require.NoError(t, f.requests().Publish(t.Context()))
	require.Zero(t, f.left())
}

func TestPublishNamesTheInvalidValueAndSendsNothing(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	values := newRequests(3)
	values[1].RequestedAt = time.Time{}
	err := f.requests().Publish(t.Context(), values...)
	require.ErrorIs(t, err, contract.ErrInvalid)
	require.ErrorContains(t, err, "cannot publish to REQUESTS")
	require.ErrorContains(t, err, "requested_at")
	require.Zero(t, f.left())
}

func TestPublishNeedsAnID(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	err := f.notes(quickConfig(), patience).Publish(t.Context(), note{Text: "sent twice, it would be stored twice"})
	require.ErrorContains(t, err, "without an ID")
	require.Zero(t, f.left())
}

func TestPublishRefusesWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	q := f.notes(quickConfig(), patience)
	for name, size := range map[string]int{"the-stream": 200 << 10, "the-broker": 2 << 20} {
		err := q.Publish(t.Context(), note{ID: "fits-" + name}, note{ID: "too-large-for-" + name, Text: strings.Repeat("x", size)})
		require.ErrorIs(t, err, publish.ErrTooLarge)
		require.ErrorContains(t, err, "cannot publish too-large-for-"+name)
	}
	require.GreaterOrEqual(t, f.left(), 2, "the others are stored")
	require.EqualValues(t, 2, q.Counts().Published)
}

func TestFullQueueSlowsThePublisherAndLosesNothing(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{MaxBytes: 128 << 10})
	q := f.requests()
	values := newRequests(1500) // three times what there is room for
	var publishing errgroup.Group
	publishing.Go(func() error { return q.Publish(t.Context(), values...) })
	f.eventually(func() bool { return f.logs.lines("maximum bytes exceeded") > 0 }, "the queue did not fill up")
	require.Positive(t, f.left())
	require.Less(t, f.left(), len(values))

	h := newHandled()
	f.consume(f.requests(), h.handle)
	require.NoError(t, publishing.Wait())
	f.drained()
	for _, v := range values { // some may be stored twice
		require.NotZero(t, h.of(v), "lost")
	}
	require.Equal(t, len(values), h.count())
}

func TestPublishEndsWithItsContext(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{MaxBytes: 128 << 10})
	q := f.requests()
	ctx, cancel := context.WithCancel(t.Context())
	var publishing errgroup.Group
	publishing.Go(func() error { return q.Publish(ctx, newRequests(1500)...) })
	f.eventually(func() bool { return f.logs.lines("maximum bytes exceeded") > 0 }, "the queue did not fill up")
	cancel()
	require.ErrorIs(t, publishing.Wait(), context.Canceled)
}

func TestPublishOutlivesARestartOfTheBroker(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	q := f.requests()
	const rounds, each = 50, 200
	var publishing errgroup.Group
	publishing.Go(func() error {
		for range rounds {
			if err := q.Publish(t.Context(), newRequests(each)...); err != nil {
				return err
			}
		}
		return nil
	})
	for _, begun := range []int{1, rounds / 2 * each} {
		f.eventually(func() bool { return f.left() >= begun }, "nothing is published")
		f.broker.Restart()
	}
	require.NoError(t, publishing.Wait())
	require.GreaterOrEqual(t, f.left(), rounds*each)
}

func TestPublishOverAClosedConnectionFails(t *testing.T) {
	t.Parallel()
	f := start(t, topology.Settings{})
	conn := f.connect()
	q := f.requestsOver(conn, patience)
	conn.Close()
	require.ErrorIs(t, q.Publish(t.Context(), newRequests(1)...), nats.ErrConnectionClosed)
}
