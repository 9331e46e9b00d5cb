package deadletter_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/deadletter"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/generator"
	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

func open(t *testing.T, b *testbed.Bed) *deadletter.Queue {
	t.Helper()
	l, err := deadletter.Open(b.Context(), b.JS)
	require.NoError(t, err)
	return l
}

// list returns all letters.
func list(t *testing.T, b *testbed.Bed, l *deadletter.Queue) (all []deadletter.Message) {
	t.Helper()
	for letter, err := range l.All(b.Context()) {
		require.NoError(t, err)
		all = append(all, letter)
	}
	return all
}

// A letter shows the message as it was published, whatever that was.
func TestGet_ReturnsTheOriginalMessage(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	id := contract.NewID()
	messages := []*nats.Msg{
		{Data: []byte{}},
		{Data: []byte{0, 1, 2, 0xff, 0xfe, '\r', '\n', 0x1b, '[', '2', 'J'}},
		{Data: bytes.Repeat([]byte("x"), 100<<10)},
		{Data: []byte(`{"id":"` + id + `"}`), Header: nats.Header{
			"Content-Type":         {"application/json"},
			"X-Two":                {"first", "second"},
			"lower":                {"kept as it is"},
			"Nats-Expected-Stream": {topology.Requests},
			"Status":               {"404"},
			"Dead-Reason":          {"a lie"},
			"Original-Dead-Reason": {"another"},
		}},
	}
	begun := time.Now()
	b.Generator(generator.Options{})
	for i, m := range messages {
		m.Subject = topology.SubjectRequest
		_, err := b.JS.PublishMsg(b.Context(), m)
		require.NoError(t, err)
		b.Eventually(func() bool { return b.Messages(topology.DeadLetters) == uint64(i+1) }, "it is dead-lettered")
	}

	l := open(t, b)
	n, err := l.Count(b.Context())
	require.NoError(t, err)
	require.EqualValues(t, 4, n)
	all := list(t, b, l)
	require.Len(t, all, 4)
	for i, letter := range all {
		require.EqualValues(t, i+1, letter.Sequence)
		require.True(t, bytes.Equal(messages[i].Data, letter.Body), "letter %d", letter.Sequence)
		want := nats.Header{}
		for name, values := range messages[i].Header {
			want[name] = values
		}
		require.Equal(t, want, letter.Header)
		require.Equal(t, topology.Requests, letter.Queue)
		require.Equal(t, topology.SubjectRequest, letter.Subject)
		require.Equal(t, 1, letter.Deliveries)
		require.Contains(t, letter.Reason, "cannot decode request")
		require.Zero(t, letter.Omitted)
		require.WithinRange(t, letter.Published, begun.Add(-time.Second), letter.Stored)
		got, err := l.Get(b.Context(), letter.Sequence)
		require.NoError(t, err)
		require.Equal(t, letter, got)
	}
	require.Equal(t, "unknown", all[0].RequestID)
	require.Equal(t, id, all[3].RequestID)
}

// Anyone who may publish to the letters can put anything there. It is shown as
// far as it makes sense, and hides no letter.
func TestAll_SkipsForeignMessages(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	foreign := []*nats.Msg{
		{Subject: "dead.x"},
		{Subject: "dead.REQUESTS.a.b.c"},
		{Subject: "dead.\x01.\x1b"},
		{Subject: "dead.REQUESTS.status", Header: nats.Header{"Status": {"404"}}},
		{Subject: "dead.REQUESTS.back", Header: nats.Header{"Nats-Sequence": {"1"}, "Nats-Stream": {"X"}, "Nats-Subject": {"y"}, "Nats-Time-Stamp": {"never"}}},
		{Subject: "dead.REQUESTS.on", Header: nats.Header{"Nats-Sequence": {"999999"}}},
		{Subject: "dead.REQUESTS.numbers", Header: nats.Header{"Dead-Deliveries": {"-7"}, "Dead-Published": {"yesterday"}, "Dead-Omitted": {"many"}, "Original-": {"no name"}}},
		{Subject: "dead.REQUESTS.large", Data: bytes.Repeat([]byte{0xff}, 1000<<10)},
	}
	want := []string{"REQUESTS " + b.PlantDead(1)[0]}
	for _, m := range foreign {
		_, err := b.JS.PublishMsg(b.Context(), m)
		require.NoError(t, err)
	}
	want = append(want, "x unknown", "REQUESTS a.b.c", "\x01 \x1b", "REQUESTS status", "REQUESTS back", "REQUESTS on", "REQUESTS numbers", "REQUESTS large")
	b.PublishRaw("dead.REQUESTS.garbage", "no header at all\r\nnor this one\r\n\r\n", "body")
	want = append(want, "REQUESTS garbage", "REQUESTS "+b.PlantDead(1)[0])

	l := open(t, b)
	var got []string
	for _, letter := range list(t, b, l) {
		got = append(got, letter.Queue+" "+letter.RequestID)
		require.EqualValues(t, len(got), letter.Sequence)
		require.GreaterOrEqual(t, letter.Deliveries, 0)
		require.GreaterOrEqual(t, letter.Omitted, 0)
		again, err := l.Get(b.Context(), letter.Sequence)
		require.NoError(t, err)
		require.Equal(t, letter, again)
		if letter.RequestID == "garbage" {
			require.Contains(t, letter.Reason, "cannot read the headers of the dead letter")
			require.Equal(t, "body", string(letter.Body))
		}
	}
	require.Equal(t, want, got)
}

func TestAll_WhileMessagesArriveAndLeave(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	l := open(t, b)
	plant := func(n int) {
		for i := range n {
			_, err := b.JS.Publish(b.Context(), fmt.Sprintf("dead.REQUESTS.%d", i), nil)
			require.NoError(t, err)
		}
	}
	plant(10)
	discard(t, b, l, 1)
	discard(t, b, l, 5)
	discard(t, b, l, 10)
	var seen []uint64
	for letter, err := range l.All(b.Context()) {
		require.NoError(t, err)
		if len(seen) == 2 {
			discard(t, b, l, 6) // before it is read
			plant(3)            // these came later
		}
		seen = append(seen, letter.Sequence)
	}
	require.Equal(t, []uint64{2, 3, 4, 7, 8, 9}, seen)

	for letter, err := range l.All(b.Context()) {
		require.NoError(t, err)
		require.NoError(t, l.Discard(b.Context(), letter))
	}
	require.Empty(t, list(t, b, l))
}

func TestGet_ReportsAMissingMessage(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	l := open(t, b)
	for _, sequence := range []uint64{0, 1, 1 << 60} {
		_, err := l.Get(b.Context(), sequence)
		require.ErrorIs(t, err, deadletter.ErrNotFound)
		require.EqualError(t, err, fmt.Sprintf("cannot get dead letter %d: no such dead letter", sequence))
	}
	b.PlantDead(3)
	discard(t, b, l, 2)
	_, err := l.Get(b.Context(), 2)
	require.ErrorIs(t, err, deadletter.ErrNotFound)
	_, err = l.Find(b.Context(), contract.NewID())
	require.ErrorIs(t, err, deadletter.ErrNotFound)
}

func TestFind_ByRequest(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	l := open(t, b)
	none, err := l.Having(b.Context(), []string{contract.NewID()})
	require.NoError(t, err)
	require.Empty(t, none)

	having := map[string]bool{}
	var ids []string
	for i, subject := range []string{topology.SubjectRequest, topology.SubjectResponse, topology.SubjectReceipt} {
		id := contract.NewID()
		having[id], ids = true, append(ids, id, contract.NewID())
		b.PublishUnreadable(subject, id)
		stop := b.Services()
		b.Eventually(func() bool { return b.Messages(topology.DeadLetters) == uint64(i+1) }, "dead-lettered")
		stop()
		letter, err := l.Find(b.Context(), id)
		require.NoError(t, err)
		require.Equal(t, id, letter.RequestID)
		require.Equal(t, topology.QueueNames[i], letter.Queue)
	}
	for range 200 { // more than are looked for at once
		ids = append(ids, contract.NewID())
	}
	got, err := l.Having(b.Context(), append(ids, "", "*", ">", "a.b", "a b", "\r\n", strings.Repeat("x", 5000)))
	require.NoError(t, err)
	require.Equal(t, having, got)
}

func TestOpen_WithoutAStream(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	require.NoError(t, b.JS.DeleteStream(b.Context(), topology.DeadLetters))
	_, err := deadletter.Open(b.Context(), b.JS)
	require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
	require.ErrorContains(t, err, "cannot open the dead letters")
	require.ErrorContains(t, err, "run setup")
}

func TestListGoesOnWhenTheBrokerIsBack(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	ids := b.PlantDead(10)
	l := open(t, b)
	var seen []string
	for letter, err := range l.All(b.Context()) {
		require.NoError(t, err)
		if seen = append(seen, letter.RequestID); len(seen)%3 == 0 {
			b.Broker.Restart()
		}
	}
	require.ElementsMatch(t, ids, seen)
}

// On three nodes a letter is found the moment it is written, by whichever node
// is asked; removing it again is no error there either.
func TestQueue_OnThreeNodes(t *testing.T) {
	t.Parallel()
	cluster := brokertest.StartCluster(t)
	b := testbed.On(t, cluster.URL(), func(s *topology.Settings) { s.Replicas = 3 })
	var nodes []*deadletter.Queue
	for _, node := range cluster.Nodes {
		js, err := jetstream.New(node.Connect())
		require.NoError(t, err)
		l, err := deadletter.Open(b.Context(), js)
		require.NoError(t, err)
		nodes = append(nodes, l)
	}
	for i := range 100 {
		id := contract.NewID()
		_, err := b.JS.Publish(b.Context(), "dead.REQUESTS."+id, nil)
		require.NoError(t, err)
		for _, l := range nodes {
			having, err := l.Having(b.Context(), []string{id})
			require.NoError(t, err)
			require.True(t, having[id], "letter %d is not found", i+1)
		}
	}
	for _, l := range nodes {
		count := len(list(t, b, l)) // Len would print them all
		require.Equal(t, 100, count)
	}
	fifty, err := nodes[0].Get(b.Context(), 50)
	require.NoError(t, err)
	require.NoError(t, nodes[0].Discard(b.Context(), fifty))
	for _, l := range nodes {
		_, err := l.Get(b.Context(), 50)
		require.ErrorIs(t, err, deadletter.ErrNotFound)
		require.NoError(t, l.Discard(b.Context(), fifty))
	}
}

// A request may have several letters: of several queues, or of one after the
// other from the same.
func TestOf_ReturnsAllOfARequest(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	l := open(t, b)
	id, other := contract.NewID(), contract.NewID()
	for _, subject := range []string{"RECEIPTS." + id, "REQUESTS." + other, "REQUESTS." + id, "REQUESTS.unknown", "REQUESTS." + id} {
		_, err := b.JS.Publish(b.Context(), "dead."+subject, nil)
		require.NoError(t, err)
	}
	of := func(id string) (sequences []uint64) {
		all, err := l.Of(b.Context(), id)
		require.NoError(t, err)
		for _, letter := range all {
			require.Equal(t, id, letter.RequestID)
			sequences = append(sequences, letter.Sequence)
		}
		return sequences
	}
	require.Equal(t, []uint64{1, 3, 5}, of(id))
	require.Equal(t, []uint64{2}, of(other))
	discard(t, b, l, 3)
	require.Equal(t, []uint64{1, 5}, of(id))
	for _, none := range []string{contract.NewID(), "", "*", "a.b"} {
		_, err := l.Of(b.Context(), none)
		require.ErrorIs(t, err, deadletter.ErrNotFound)
	}
}
