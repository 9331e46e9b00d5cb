package deadletter_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/deadletter"
	"decoupled.example/console/drain"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/console/verify"
	"decoupled.example/generator"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

// A redriven message is what was published, less its words to the broker.
func TestRedrivenMessage(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	m := &nats.Msg{Subject: topology.SubjectRequest, Data: []byte{0xff, 0}, Header: nats.Header{
		"X-Kept":               {"one", "two"},
		"Nats-Msg-Id":          {"mine"},
		"Nats-Expected-Stream": {topology.Requests},
		"nats-rollup":          {"all"},
		"Status":               {"100"},
	}}
	_, err := b.JS.PublishMsg(b.Context(), m)
	require.NoError(t, err)
	stop := b.Generator(generator.Options{})
	b.Eventually(func() bool { return b.Messages(topology.DeadLetters) == 1 }, "dead-lettered")
	stop()

	l := open(t, b)
	letter, err := l.Get(b.Context(), 1)
	require.NoError(t, err)
	require.NoError(t, l.Redrive(b.Context(), letter))

	_, err = l.Get(b.Context(), 1)
	require.ErrorIs(t, err, deadletter.ErrNotFound)
	requests, err := b.JS.Stream(b.Context(), topology.Requests)
	require.NoError(t, err)
	got, err := requests.GetMsg(b.Context(), 2)
	require.NoError(t, err)
	require.Equal(t, m.Data, got.Data)
	require.Equal(t, nats.Header{"X-Kept": {"one", "two"}, "Status": {"100"}}, got.Header)
}

// A message that just fits its queue also fits when it is redriven.
func TestRedrive_RestoresAMessageThatJustFits(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	requests, err := b.JS.Stream(b.Context(), topology.Requests)
	require.NoError(t, err)
	id := contract.NewID()
	for what, header := range map[string]nats.Header{"without headers": nil, "with headers": {"Content-Type": {"application/json"}, "X-Long": {strings.Repeat("x", 1000)}}} {
		body := `{"id":"` + id + `"}`
		size := (&nats.Msg{Header: header, Data: []byte(body)}).Size()
		body += strings.Repeat(" ", int(requests.CachedInfo().Config.MaxMsgSize)-size)
		m := &nats.Msg{Subject: topology.SubjectRequest, Header: header, Data: []byte(body)}
		_, err = b.JS.PublishMsg(b.Context(), &nats.Msg{Subject: m.Subject, Header: header, Data: []byte(body + " ")})
		require.ErrorContains(t, err, "exceeds maximum", "one byte more does not fit: %s", what)
		ack, err := b.JS.PublishMsg(b.Context(), m)
		require.NoError(t, err)
		want, err := requests.GetMsg(b.Context(), ack.Sequence)
		require.NoError(t, err)
		stop := b.Generator(generator.Options{})
		b.Eventually(func() bool { return b.Messages(topology.DeadLetters) == 1 }, "dead-lettered")
		stop()

		l := open(t, b)
		require.NoError(t, l.Redrive(b.Context(), list(t, b, l)[0]), what)

		got, err := requests.GetMsg(b.Context(), ack.Sequence+1)
		require.NoError(t, err)
		require.Equal(t, want.Header, got.Header)
		require.True(t, bytes.Equal(want.Data, got.Data))
		require.NoError(t, requests.Purge(b.Context()))
	}
}

// A letter decides where something is published with the operator's rights, so
// it is not taken at its word.
func TestRedriveRefusesWhatWasInNoQueue(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	l := open(t, b)
	for _, test := range []struct{ letter, subject string }{
		{"dead.REQUESTS.x", "$JS.API.STREAM.DELETE.REQUESTS"},
		{"dead.REQUESTS.x", "$KV.asked.x"},
		{"dead.REQUESTS.x", topology.SubjectResponse},
		{"dead.REQUESTS.x", "dead.REQUESTS.y"},
		{"dead.REQUESTS.x", ""},
		{"dead.OTHER.x", topology.SubjectRequest},
		{"dead.x", topology.SubjectRequest},
	} {
		ack, err := b.JS.PublishMsg(b.Context(), &nats.Msg{Subject: test.letter, Header: nats.Header{"Dead-Subject": {test.subject}}})
		require.NoError(t, err)
		letter, err := l.Get(b.Context(), ack.Sequence)
		require.NoError(t, err)
		require.ErrorIs(t, l.Redrive(b.Context(), letter), deadletter.ErrNotRedrivable, "%v", test)
	}
	require.Len(t, list(t, b, l), 7, "they stay")
	for _, queue := range topology.QueueNames {
		require.Zero(t, b.Messages(queue))
	}
	require.Empty(t, b.Entries(topology.Asked))
}

// Requests that failed are finished once the reason is gone and they are
// redriven. A redrive that was interrupted between publishing and removing, and
// is repeated, has each effect once.
func TestInterruptedRedriveIsRepeated(t *testing.T) {
	t.Parallel()
	const n = 5
	b, cannotDelete := testbed.StartLimited(t, "$JS.API.STREAM.MSG.DELETE."+topology.DeadLetters)
	stop := b.Generator(generator.Options{Fail: 1})
	b.Ask(n)
	b.Eventually(func() bool { return b.Messages(topology.DeadLetters) == n }, "all fail")
	stop()
	all := list(t, b, open(t, b))
	require.Len(t, all, n)
	require.Equal(t, 5, all[0].Attempts)

	interrupted, err := deadletter.Open(b.Context(), cannotDelete)
	require.NoError(t, err)
	err = interrupted.Redrive(b.Context(), all[0])
	require.ErrorIs(t, err, nats.ErrPermissionViolation, "the missing permission is named")
	require.ErrorContains(t, err, "cannot remove dead letter 1-")
	require.EqualValues(t, 1, b.Messages(topology.Requests), "it was published")
	require.EqualValues(t, n, b.Messages(topology.DeadLetters), "and not removed")

	l := open(t, b)
	require.NoError(t, l.Redrive(b.Context(), all[0]))
	require.EqualValues(t, 2, b.Messages(topology.Requests), "the queue has it twice")

	b.Services()
	require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
	stored := b.Entries(topology.Stored)
	require.Len(t, stored, 1, "and its effect happened once")

	for _, letter := range all {
		require.NoError(t, l.Redrive(b.Context(), letter))
	}
	require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
	require.Empty(t, list(t, b, l))
	require.Equal(t, stored[0], b.Entries(topology.Stored)[0], "the very same string")
	verdict, err := verify.Run(b.Context(), b.JS, b.Topology, nil)
	require.NoError(t, err)
	require.True(t, verdict.Finished(), "%+v", verdict)
	require.EqualValues(t, n, verdict.Complete)
}

// A letter whose queue is full stays, and is redriven when there is room.
func TestRedriveWhileTheQueueIsFull(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t, func(s *topology.Settings) { s.MaxBytes = 256 << 10 })
	id := b.PlantDead(1)[0]
	l := open(t, b)
	letter, err := l.Find(b.Context(), id)
	require.NoError(t, err)
	filling := make([]byte, 64)
	for {
		if _, err := b.JS.Publish(b.Context(), topology.SubjectRequest, filling); err != nil {
			require.ErrorContains(t, err, "maximum bytes exceeded")
			break
		}
	}
	full := b.Messages(topology.Requests)

	err = l.Redrive(b.Context(), letter)
	require.ErrorContains(t, err, "cannot redrive dead letter 1-")
	require.ErrorContains(t, err, "maximum bytes exceeded")
	require.Equal(t, full, b.Messages(topology.Requests))
	require.Len(t, list(t, b, l), 1)

	requests, err := b.JS.Stream(b.Context(), topology.Requests)
	require.NoError(t, err)
	require.NoError(t, requests.Purge(b.Context()))
	require.NoError(t, l.Redrive(b.Context(), letter))
	require.EqualValues(t, 1, b.Messages(topology.Requests))
	require.Empty(t, list(t, b, l))
}

// A stream that was made anew has other letters under the same numbers. That one
// was redriven a moment ago says nothing about another.
func TestRedrive_RefusesAnotherMessageWithTheSameNumber(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	l := open(t, b)
	for range 2 {
		_, err := b.JS.PublishMsg(b.Context(), &nats.Msg{
			Subject: "dead.REQUESTS.unknown", Header: nats.Header{"Dead-Subject": {topology.SubjectRequest}},
		})
		require.NoError(t, err)
		letter, err := l.Get(b.Context(), 1)
		require.NoError(t, err)
		require.NoError(t, l.Redrive(b.Context(), letter))

		stream, err := b.JS.Stream(b.Context(), topology.DeadLetters)
		require.NoError(t, err)
		require.NoError(t, b.JS.DeleteStream(b.Context(), topology.DeadLetters))
		_, err = b.JS.CreateStream(b.Context(), stream.CachedInfo().Config)
		require.NoError(t, err)
	}
	require.EqualValues(t, 2, b.Messages(topology.Requests))
}

func TestDiscard(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	l := open(t, b)
	for _, sequence := range []uint64{0, 1, 1 << 60} {
		require.NoError(t, l.Discard(b.Context(), deadletter.Message{Sequence: sequence}), "there is none")
	}
	ids := b.PlantDead(3)
	second := list(t, b, l)[1]
	for range 2 {
		require.NoError(t, l.Discard(b.Context(), second))
		all := list(t, b, l)
		require.Len(t, all, 2)
		require.Equal(t, []string{ids[0], ids[2]}, []string{all[0].RequestID, all[1].RequestID})
	}
	verdict, err := verify.Run(b.Context(), b.JS, b.Topology, nil)
	require.NoError(t, err)
	require.EqualValues(t, 2, verdict.Dead)
	require.EqualValues(t, 1, verdict.Lost, "what is discarded is lost, and no longer hidden")
}

func TestRedriveWithoutItsQueue(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.PlantDead(1)
	l := open(t, b)
	require.NoError(t, b.JS.DeleteStream(b.Context(), topology.Requests))
	err := l.Redrive(b.Context(), list(t, b, l)[0])
	require.ErrorIs(t, err, jetstream.ErrNoStreamResponse)
	require.ErrorContains(t, err, "run setup")
	require.Len(t, list(t, b, l), 1)
}
