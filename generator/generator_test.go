package generator

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/publish"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/topology"
)

// bed is a generator on a broker of the test's own, that is handed its messages
// by the test.
type bed struct {
	*Generator
	*topology.Topology
	js     jetstream.JetStream
	stream jetstream.Stream // of the responses
}

func open(t *testing.T, maker Maker) *bed {
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
	top, err := topology.Open(conn, slog.New(slog.DiscardHandler), topology.Options{ShutdownTimeout: time.Second})
	require.NoError(t, err)
	stream, err := js.Stream(t.Context(), topology.Responses)
	require.NoError(t, err)
	return &bed{Generator: New(top, maker), Topology: top, js: js, stream: stream}
}

func requests(n int) []queue.Message[contract.Request] {
	all := make([]queue.Message[contract.Request], n)
	for i := range all {
		all[i].Body = contract.NewRequest(time.Now())
	}
	return all
}

// responses are those in the queue.
func (b *bed) responses(t *testing.T) (all []contract.Response) {
	t.Helper()
	info, err := b.stream.Info(t.Context())
	require.NoError(t, err)
	for i := range info.State.Msgs {
		m, err := b.stream.GetMsg(t.Context(), info.State.FirstSeq+i)
		require.NoError(t, err)
		r, err := contract.Responses.Decode(m.Header, m.Data)
		require.NoError(t, err)
		all = append(all, r)
	}
	return all
}

func TestEachRequestGetsAStringOfItsOwn(t *testing.T) {
	t.Parallel()
	b := open(t, Random(Options{}))
	asked := requests(100)
	require.NoError(t, b.answer(t.Context(), asked))
	strings := make(map[string]bool)
	for i, response := range b.responses(t) {
		require.Equal(t, asked[i].Body.ID, response.ID)
		strings[response.String] = true
	}
	require.Len(t, strings, 100)
}

func TestAnswer_RepeatsTheStringOfARedelivery(t *testing.T) {
	t.Parallel()
	b := open(t, Random(Options{}))
	asked := requests(3)
	require.NoError(t, b.answer(t.Context(), asked[:2]))
	first := b.responses(t)

	require.NoError(t, b.answer(t.Context(), asked))

	all := b.responses(t)
	require.Len(t, all, 5)
	require.Equal(t, first, all[:2])
	require.Equal(t, first, all[2:4], "published again, as the first may have been lost")
	for i, response := range all[2:] {
		kept, err := b.Ledger(topology.Generated).Get(t.Context(), asked[i].Body.ID)
		require.NoError(t, err)
		require.Len(t, kept, 1)
		require.Contains(t, string(kept[0].Value), response.String)
	}
}

// What a fellow replica has kept is published, not what this one made.
func TestAnswer_PublishesWhatIsStored(t *testing.T) {
	t.Parallel()
	b := open(t, Random(Options{}))
	asked := requests(2)
	theirs := contract.NewResponse(asked[1].Body.ID, contract.NewString(), time.Now())
	value, err := json.Marshal(theirs)
	require.NoError(t, err)
	_, err = b.Ledger(topology.Generated).PutIfAbsent(t.Context(), entry(asked[1].Body.ID, value))
	require.NoError(t, err)

	require.NoError(t, b.answer(t.Context(), asked))

	published := b.responses(t)
	require.Len(t, published, 2)
	require.Equal(t, theirs.String, published[1].String)
}

// Where the ledger holds something else than the response to a request, that
// request alone fails, and nothing is published for it.
func TestAnswer_PublishesNoMismatchedEntry(t *testing.T) {
	t.Parallel()
	other, err := contract.Responses.EncodeEntry(contract.NewResponse(contract.NewID(), contract.NewString(), time.Now()))
	require.NoError(t, err)
	for what, value := range map[string]func(id string) string{
		"bears another ID":  func(string) string { return string(other) },
		"not JSON":          func(id string) string { return `{"id":"` + id },
		"invalid message":   func(id string) string { return `{"id":"` + id + `"}` },
		"the body is empty": func(string) string { return "" },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			b := open(t, Random(Options{}))
			asked := requests(3)
			bad := asked[1].Body.ID
			_, err := b.Ledger(topology.Generated).PutIfAbsent(t.Context(), entry(bad, []byte(value(bad))))
			require.NoError(t, err)

			failed := requireBatchError(t, b.answer(t.Context(), asked), 1)
			require.ErrorIs(t, failed[1], ledger.ErrMismatch)
			require.ErrorContains(t, failed[1], "ledger generated holds a bad entry under "+bad)
			require.ErrorContains(t, failed[1], what)
			require.Equal(t, []string{asked[0].Body.ID, asked[2].Body.ID}, b.answered(t))
		})
	}
}

func TestAnswer_StoresNoInvalidString(t *testing.T) {
	t.Parallel()
	b := open(t, func(context.Context, contract.Request) (string, error) { return "too short", nil })
	require.ErrorIs(t, b.answer(t.Context(), requests(1)), contract.ErrInvalid)
	n, err := b.Ledger(topology.Generated).Count(t.Context())
	require.NoError(t, err)
	require.Zero(t, n, "it would be the answer for ever")
}

func TestMarkReceived_NamesAMismatchedEntry(t *testing.T) {
	t.Parallel()
	b := open(t, Random(Options{}))
	receipt := contract.NewReceipt(contract.NewID(), time.Now())
	_, err := b.Ledger(topology.Received).PutIfAbsent(t.Context(), entry(receipt.ID, []byte("{}")))
	require.NoError(t, err)
	err = b.markReceived(t.Context(), []queue.Message[contract.Receipt]{{Body: receipt}})
	failed := requireBatchError(t, err, 0)
	require.ErrorIs(t, failed[0], ledger.ErrMismatch)
	require.ErrorContains(t, failed[0], "ledger received holds a bad entry under "+receipt.ID)
}

// A request that fails is named, nothing is kept or published for it, and the
// others of its batch are answered.
func TestAnswer_NamesTheRequestsThatFail(t *testing.T) {
	t.Parallel()
	failure := errors.New("no string today")
	asked := requests(3)
	b := open(t, func(_ context.Context, r contract.Request) (string, error) {
		if r.ID == asked[1].Body.ID {
			return "", failure
		}
		return contract.NewString(), nil
	})
	failed := requireBatchError(t, b.answer(t.Context(), asked), 1)
	require.ErrorIs(t, failed[1], failure)
	require.Equal(t, []string{asked[0].Body.ID, asked[2].Body.ID}, b.answered(t))
	n, err := b.Ledger(topology.Generated).Count(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
}

// While the broker is unavailable, nothing is answered, and only what failed by
// itself counts as an attempt.
func TestAnswer_ChargesAnOutageToNoRequest(t *testing.T) {
	t.Parallel()
	failure := errors.New("no string today")
	asked := requests(3)
	b := open(t, func(_ context.Context, r contract.Request) (string, error) {
		if r.ID == asked[1].Body.ID {
			return "", failure
		}
		return contract.NewString(), nil
	})
	require.NoError(t, b.js.DeleteStream(t.Context(), topology.Responses))
	for _, batch := range [][]queue.Message[contract.Request]{asked, asked[:1]} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		err := b.answer(ctx, batch)
		cancel()
		require.ErrorIs(t, err, publish.ErrUnavailable)
		require.NotErrorAs(t, err, new(queue.BatchError), "a request is named")
	}
}

// When the time of a call is used up, which request took it is unknown, and the
// broker is not to blame.
func TestAnswer_NamesNothingWhenItsTimeIsUsedUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	for name, maker := range map[string]Maker{
		"a string fails":   func(context.Context, contract.Request) (string, error) { cancel(); return "", ctx.Err() },
		"a string is late": func(context.Context, contract.Request) (string, error) { cancel(); return contract.NewString(), nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := open(t, maker).answer(ctx, requests(3))
			require.ErrorIs(t, err, context.Canceled)
			require.NotErrorIs(t, err, publish.ErrUnavailable)
			require.NotErrorAs(t, err, new(queue.BatchError))
		})
	}
}

// requireBatchError requires an error that names the messages with those indexes.
func requireBatchError(t *testing.T, err error, indexes ...int) queue.BatchError {
	t.Helper()
	failed, ok := errors.AsType[queue.BatchError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, indexes, slices.Sorted(maps.Keys(failed)))
	return failed
}

// answered are the IDs of the responses in the queue.
func (b *bed) answered(t *testing.T) (ids []string) {
	t.Helper()
	for _, r := range b.responses(t) {
		ids = append(ids, r.ID)
	}
	return ids
}

// A request is not done when its string is kept, but when its response is
// published.
func TestWithoutPublishingItIsNotDone(t *testing.T) {
	t.Parallel()
	b := open(t, Random(Options{}))
	require.NoError(t, b.js.DeleteStream(t.Context(), topology.Responses))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.answer(ctx, requests(3)) }()
	require.Eventually(t, func() bool {
		n, err := b.Ledger(topology.Generated).Count(t.Context())
		return err == nil && n == 3
	}, time.Minute, time.Millisecond)
	stop()
	require.ErrorIs(t, <-ended, context.Canceled)
}

func TestAReceiptIsMarkedOnce(t *testing.T) {
	t.Parallel()
	b := open(t, Random(Options{}))
	first := contract.NewReceipt(contract.NewID(), time.Now())
	second := contract.NewReceipt(first.ID, time.Now().Add(time.Hour))
	for _, receipt := range []contract.Receipt{first, second} {
		require.NoError(t, b.markReceived(t.Context(), []queue.Message[contract.Receipt]{{Body: receipt}}))
	}
	kept, err := b.Ledger(topology.Received).Get(t.Context(), first.ID)
	require.NoError(t, err)
	require.Len(t, kept, 1)
	var receipt contract.Receipt
	require.NoError(t, json.Unmarshal(kept[0].Value, &receipt))
	require.True(t, first.ReceivedAt.Equal(receipt.ReceivedAt))
}
