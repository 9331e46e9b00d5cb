package publish_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/publish"
)

// stream is where the tests publish: to work.<anything>.
var stream = jetstream.StreamConfig{Name: "WORK", Subjects: []string{"work.>"}, MaxMsgSize: 64 << 10}

func TestPublishReturnsWhenTheBrokerHasAll(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	js := create(t, broker, stream)
	p := publisher(t, broker.Connect())

	refused, err := p.Publish(t.Context(), stream.Name, messages("work.a", 100))

	require.NoError(t, err)
	require.Nil(t, refused)
	requireEachOnce(t, js, 100)
}

func TestPublishOfNothing(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	conn := broker.Connect()
	p := publisher(t, conn)
	broker.Stop()

	done := make(chan error, 1)
	go func() { done <- complete(p.Publish(t.Context(), stream.Name, nil)) }()

	requireDone(t, done)
}

func TestPublish_ReturnsWhichWereRefusedAndWhy(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	js := create(t, broker, stream)
	p := publisher(t, broker.Connect())
	_, err := js.Publish(t.Context(), "work.taken", []byte("before"))
	require.NoError(t, err)

	with := func(subject string, size int, header nats.Header) *nats.Msg {
		return &nats.Msg{Subject: subject, Header: header, Data: make([]byte, size)}
	}
	first := nats.Header{jetstream.ExpectedLastSubjSeqHeader: {"0"}}
	cases := []struct {
		message *nats.Msg
		want    error
	}{
		{with("work.good", 10, nats.Header{jetstream.MsgIDHeader: {"good"}}), nil},
		{with("work.taken", 10, first), publish.ErrExists},
		{with("work.free", 10, first), nil},
		{with("work.free", 10, first), publish.ErrExists},
		{with("work.large", 65<<10, nil), publish.ErrTooLarge},
		{with("work.larger", 2<<20, nil), publish.ErrTooLarge}, // than max_payload: the library refuses
		{with("work.headers", 10, nats.Header{"Long": {strings.Repeat("x", 65<<10)}}), publish.ErrTooLarge},
		{with("work.stream", 10, nats.Header{jetstream.ExpectedStreamHeader: {"OTHER"}}), publish.ErrInvalid},
		{with("work.ttl", 10, nats.Header{jetstream.MsgTTLHeader: {"1h"}}), publish.ErrInvalid},
		{with("work.rollup", 10, nats.Header{jetstream.MsgRollup: {jetstream.MsgRollupAll}}), publish.ErrInvalid},
		{with("work.header", 10, nats.Header{"Bad Key": {"x"}}), publish.ErrInvalid},
		{with("work bad", 10, nil), publish.ErrInvalid},
		{with("", 10, nil), publish.ErrInvalid},
		{&nats.Msg{Subject: "work.reply", Reply: "somewhere"}, publish.ErrInvalid},
		{with("work.last", 0, nats.Header{jetstream.MsgIDHeader: {"last"}}), nil},
	}
	var batch []*nats.Msg
	for _, c := range cases {
		batch = append(batch, c.message)
	}

	refused, err := p.Publish(t.Context(), stream.Name, batch)

	require.NoError(t, err, "a refusal is not a failure of the call")
	for i, c := range cases {
		if c.want == nil && (errors.Is(refused[i], publish.ErrDuplicate) || errors.Is(refused[i], publish.ErrExists)) {
			continue // stored by the first attempt, together with the others
		}
		require.ErrorIs(t, refused[i], c.want, "message %d to %q", i, c.message.Subject)
	}
	s, err := js.Stream(t.Context(), stream.Name)
	require.NoError(t, err)
	require.EqualValues(t, 4, s.CachedInfo().State.Msgs, "what was refused is not stored")
}

func TestPublishOfMoreThanIsSentAtOnce(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	js := create(t, broker, stream)
	p := publisher(t, broker.Connect())

	const n = 40_000
	refused, err := p.Publish(t.Context(), stream.Name, messages("work.a", n))

	require.NoError(t, err)
	require.Nil(t, refused)
	s, err := js.Stream(t.Context(), stream.Name)
	require.NoError(t, err)
	require.EqualValues(t, n, s.CachedInfo().State.Msgs)
}

func TestPublishConcurrently(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	js := create(t, broker, stream)
	p := publisher(t, broker.Connect())

	var group errgroup.Group
	for w := range 8 {
		group.Go(func() error {
			for b := range 10 {
				batch := messages(fmt.Sprintf("work.%d.%d", w, b), 50)
				batch = append(batch, &nats.Msg{Subject: "work.bad", Header: nats.Header{jetstream.ExpectedStreamHeader: {"OTHER"}}})
				refused, err := p.Publish(t.Context(), stream.Name, batch)
				if err != nil || !errors.Is(refused[50], publish.ErrInvalid) {
					return fmt.Errorf("refused %v: %w", refused, err)
				}
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	requireEachOnce(t, js, 8*10*50)
}

// create makes the stream, through a connection of its own.
func create(t *testing.T, broker *brokertest.Broker, config jetstream.StreamConfig) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(broker.Connect())
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), config)
	require.NoError(t, err)
	return js
}

func publisher(t *testing.T, conn *nats.Conn) *publish.Publisher {
	t.Helper()
	p, err := publish.New(conn, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return p
}

// messages returns n messages with IDs that start with their subject.
func messages(subject string, n int) []*nats.Msg {
	batch := make([]*nats.Msg, n)
	for i := range batch {
		id := fmt.Sprintf("%s.%d", subject, i)
		batch[i] = &nats.Msg{Subject: subject, Header: nats.Header{jetstream.MsgIDHeader: {id}}, Data: []byte(id)}
	}
	return batch
}

// requireEachOnce checks that the stream holds n messages and no ID twice.
func requireEachOnce(t *testing.T, js jetstream.JetStream, n int) {
	t.Helper()
	s, err := js.Stream(t.Context(), stream.Name)
	require.NoError(t, err)
	require.EqualValues(t, n, s.CachedInfo().State.Msgs)
	seen := make(map[string]bool, n)
	for sequence := range uint64(n) {
		m, err := s.GetMsg(t.Context(), sequence+1)
		require.NoError(t, err)
		id := m.Header.Get(jetstream.MsgIDHeader)
		require.False(t, seen[id], "%s is there twice", id)
		require.Equal(t, id, string(m.Data))
		seen[id] = true
	}
}
