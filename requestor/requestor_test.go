package requestor

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

const patience = 60 * time.Second

// open sets up the topology on a broker of the test's own.
func open(t *testing.T) (*topology.Topology, jetstream.JetStream) {
	t.Helper()
	conn := brokertest.Start(t).Connect()
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	streams, err := topology.Streams(topology.Settings{})
	require.NoError(t, err)
	for _, s := range streams {
		_, err := js.CreateStream(t.Context(), s)
		require.NoError(t, err)
	}
	consumers, err := topology.Consumers(topology.Settings{})
	require.NoError(t, err)
	for _, c := range consumers {
		_, err := js.CreateConsumer(t.Context(), c.Stream, c.ConsumerConfig)
		require.NoError(t, err)
	}
	opened, err := topology.Open(conn, slog.New(slog.DiscardHandler), topology.Options{ShutdownTimeout: time.Second})
	require.NoError(t, err)
	return opened, js
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for text, o := range map[string]Options{
		"":          {Rate: 0.5},
		"--rate":    {Rate: -1},
		"not NaN":   {Rate: math.NaN()},
		"not 1e+07": {Rate: 1e7},
		"--count":   {Rate: 1, Count: -1},
	} {
		err := o.Validate()
		if text == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, text)
	}
}

// At no moment more was asked than the rate allows, also not at the start.
func TestItBeginsAtTheRate(t *testing.T) {
	t.Parallel()
	top, _ := open(t)
	const rate, n = 200, 40 // a burst would be 20
	r := New(top, Options{Rate: rate, Count: n}, zerolog.Nop())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	begun := time.Now()
	go func() { ended <- r.Run(ctx) }()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for asked := int64(0); asked < n; <-look.C {
		asked = r.Counts()["asked"]
		require.LessOrEqual(t, float64(asked), 1+rate*time.Since(begun).Seconds())
		require.Less(t, time.Since(begun), patience)
	}
	stop()
	require.NoError(t, <-ended)
}

// It has nothing in hand, so there is nothing to be patient for.
func TestWithoutABrokerAStopIsAtOnce(t *testing.T) {
	t.Parallel()
	broker := brokertest.Start(t)
	conn := broker.Connect()
	broker.Stop()
	require.Eventually(t, func() bool { return !conn.IsConnected() }, patience, time.Millisecond, "it has noticed")
	top, err := topology.Open(conn, slog.New(slog.DiscardHandler), topology.Options{ShutdownTimeout: 2 * patience})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	r := New(top, Options{Rate: 1000}, zerolog.Nop())
	go func() { ended <- r.Run(ctx) }()
	require.Eventually(t, func() bool { return r.Counts()[service.CountAsking] == 1 }, patience, 10*time.Millisecond)
	stop()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(patience):
		require.FailNow(t, "it takes the grace")
	}
}

func TestWhatWasAskedIsPublishedAndRecorded(t *testing.T) {
	t.Parallel()
	top, _ := open(t)
	asked, err := NewAsker(top).Ask(t.Context(), 2500)
	require.NoError(t, err)
	require.Len(t, asked, 2500)
	require.EqualValues(t, 2500, top.Requests.Counts().Published)
	n, err := top.Ledger(topology.Asked).Count(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 2500, n, "every ID once")
}

// What was not published must not count as asked: it would be called lost.
func TestWhatWasNotPublishedIsNotRecorded(t *testing.T) {
	t.Parallel()
	top, _ := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	asked, err := NewAsker(top).Ask(ctx, 10)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, asked)
	n, err := top.Ledger(topology.Asked).Count(t.Context())
	require.NoError(t, err)
	require.Zero(t, n)
}

// A response that comes again, even with another string, changes nothing, and is
// confirmed again: the first receipt may have been lost.
func TestStore_TheFirstStringWins(t *testing.T) {
	t.Parallel()
	top, _ := open(t)
	r := New(top, Options{}, zerolog.Nop())
	id := contract.NewID()
	first := contract.NewResponse(id, contract.NewString(), time.Now())
	second := contract.NewResponse(id, contract.NewString(), time.Now())
	for _, response := range []contract.Response{first, second} {
		require.NoError(t, r.store(t.Context(), []queue.Message[contract.Response]{{Body: response}}))
	}
	stored, err := top.Ledger(topology.Stored).Get(t.Context(), id)
	require.NoError(t, err)
	require.Len(t, stored, 1)
	var kept contract.Response
	require.NoError(t, json.Unmarshal(stored[0].Value, &kept))
	require.Equal(t, first.String, kept.String)
	require.EqualValues(t, 2, top.Receipts.Counts().Published)
}

// Where the ledger holds something else than the response to a request, no string
// is stored, and that response alone is not confirmed.
func TestStore_ConfirmsNoMismatchedEntry(t *testing.T) {
	t.Parallel()
	top, js := open(t)
	r := New(top, Options{}, zerolog.Nop())
	responses := make([]queue.Message[contract.Response], 3)
	for i := range responses {
		responses[i].Body = contract.NewResponse(contract.NewID(), contract.NewString(), time.Now())
	}
	bad := responses[1].Body.ID
	other, err := contract.Responses.EncodeEntry(responses[0].Body)
	require.NoError(t, err)
	_, err = top.Ledger(topology.Stored).PutIfAbsent(t.Context(), ledger.Entry{ID: bad, Value: other})
	require.NoError(t, err)

	failed, ok := errors.AsType[queue.BatchError](r.store(t.Context(), responses))
	require.True(t, ok)
	require.Len(t, failed, 1)
	require.ErrorIs(t, failed[1], ledger.ErrMismatch)
	require.ErrorContains(t, failed[1], "ledger stored holds a bad entry under "+bad)
	require.ErrorContains(t, failed[1], "bears another ID: \""+responses[0].Body.ID)

	stream, err := js.Stream(t.Context(), topology.Receipts)
	require.NoError(t, err)
	require.EqualValues(t, 2, stream.CachedInfo().State.Msgs)
	for i, sequence := range map[int]uint64{0: 1, 2: 2} {
		m, err := stream.GetMsg(t.Context(), sequence)
		require.NoError(t, err)
		require.Contains(t, string(m.Data), responses[i].Body.ID)
	}
}

// Only what is stored is confirmed.
func TestWithoutStoringThereIsNoReceipt(t *testing.T) {
	t.Parallel()
	top, js := open(t)
	require.NoError(t, js.DeleteStream(t.Context(), "KV_"+topology.Stored))
	r := New(top, Options{}, zerolog.Nop())
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	response := contract.NewResponse(contract.NewID(), contract.NewString(), time.Now())
	require.ErrorIs(t, r.store(ctx, []queue.Message[contract.Response]{{Body: response}}), context.DeadlineExceeded)
	require.Zero(t, top.Receipts.Counts().Published)
}

// A response is not done when it is stored, but when its receipt is published.
func TestWithoutTheReceiptItIsNotDone(t *testing.T) {
	t.Parallel()
	top, js := open(t)
	require.NoError(t, js.DeleteStream(t.Context(), topology.Receipts))
	r := New(top, Options{}, zerolog.Nop())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		response := contract.NewResponse(contract.NewID(), contract.NewString(), time.Now())
		ended <- r.store(ctx, []queue.Message[contract.Response]{{Body: response}})
	}()
	require.Eventually(t, func() bool {
		n, err := top.Ledger(topology.Stored).Count(t.Context())
		return err == nil && n == 1
	}, patience, time.Millisecond)
	stop()
	require.ErrorIs(t, <-ended, context.Canceled)
}

// With a count it asks no more than that, and goes on storing.
func TestRun_AsksItsCountAndGoesOn(t *testing.T) {
	t.Parallel()
	top, _ := open(t)
	const n = 250
	r := New(top, Options{Rate: maxRate, Count: n}, zerolog.Nop())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	require.Eventually(t, func() bool {
		counts := r.Counts()
		return counts["asked"] > 0 && counts[service.CountAsking] == 0
	}, patience, time.Millisecond, "it asks no more")
	require.EqualValues(t, n, r.Counts()["asked"])
	err := top.Responses.Publish(t.Context(), contract.NewResponse(contract.NewID(), contract.NewString(), time.Now()))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return r.Counts()["stored"] == 1 }, patience, time.Millisecond, "it stores")
	stop()
	require.NoError(t, <-ended)
	require.EqualValues(t, n, r.Counts()["asked"])
}
