package deadletter_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/deadletter"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/generator"
	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/topology"
)

// Each message that just fits its queue fits into a dead letter, and back into its
// queue, whatever it is made of and whatever the broker takes.
func TestRedrive_OfMessagesThatJustFitTheirQueue(t *testing.T) {
	t.Parallel()
	for _, payload := range []int32{16 << 10, 20 << 10, 32 << 10, 64 << 10, 256_000, 1 << 20} {
		t.Run(fmt.Sprint(payload), func(t *testing.T) {
			t.Parallel()
			broker := brokertest.Start(t, func(o *server.Options) { o.MaxPayload = payload })
			b := testbed.On(t, broker.URL())
			b.Broker = broker
			stream, err := b.JS.Stream(b.Context(), topology.Requests)
			require.NoError(t, err)
			size := int(stream.CachedInfo().Config.MaxMsgSize)
			shapes := []*nats.Msg{
				{},                                // a body and nothing else
				{Header: nats.Header{"X": {}}},    // short headers: the prefix is most of what the letter adds
				{Header: nats.Header{"X": {"y"}}}, // one header
				{Header: nats.Header{"Content-Type": {strings.Repeat("z", 300)}}},
			}
			for range 1100 {
				shapes[1].Header["X"] = append(shapes[1].Header["X"], "")
			}
			sent := make(map[int]bool)
			for i, m := range shapes {
				m.Subject = topology.SubjectRequest
				for m.Size()-len(m.Subject) > size { // too many headers
					m.Header["X"] = m.Header["X"][1:]
				}
				m.Data = bytes.Repeat([]byte{byte('a' + i)}, size-(m.Size()-len(m.Subject)))
				_, err := b.JS.PublishMsg(b.Context(), m)
				require.NoError(t, err)
				m.Data = append(m.Data, 'x')
				_, err = b.JS.PublishMsg(b.Context(), m)
				require.ErrorContains(t, err, "message size exceeds maximum allowed", "it just fitted")
				m.Data = m.Data[:len(m.Data)-1]
				sent[len(m.Data)] = true
			}
			stop := b.Generator(generator.Options{})
			b.Eventually(func() bool { return b.Messages(topology.DeadLetters) == uint64(len(shapes)) }, "all are dead-lettered")
			stop()
			require.Zero(t, b.Messages(topology.Requests))

			l := open(t, b)
			for _, letter := range list(t, b, l) {
				require.Zero(t, letter.Omitted)
				require.True(t, sent[len(letter.Body)])
				require.NoError(t, l.Redrive(b.Context(), letter))
			}
			require.EqualValues(t, len(shapes), b.Messages(topology.Requests))
			require.Zero(t, b.Messages(topology.DeadLetters))
		})
	}
}

// What is too large for the broker by now is refused by itself.
func TestIsRefusal_OfWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	header := nats.Header{"Dead-Subject": {topology.SubjectRequest}}
	_, err := b.JS.PublishMsg(b.Context(), &nats.Msg{Subject: "dead.REQUESTS.unknown", Header: header, Data: make([]byte, 200<<10)})
	require.NoError(t, err)
	l := open(t, b)
	err = l.Redrive(b.Context(), list(t, b, l)[0])
	require.ErrorContains(t, err, "message size exceeds maximum allowed")
	require.True(t, deadletter.IsRefusal(err))
	require.True(t, deadletter.IsRefusal(fmt.Errorf("cannot redrive: %w", nats.ErrMaxPayload)))
	require.False(t, deadletter.IsRefusal(nats.ErrPermissionViolation))
	require.Len(t, list(t, b, l), 1, "it stays")
}
