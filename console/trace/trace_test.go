package trace_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/drain"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/console/trace"
	"decoupled.example/generator"
	"decoupled.example/requestor"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

func where(t *testing.T, b *testbed.Bed, id string) string {
	t.Helper()
	life, err := trace.Request(b.Context(), b.JS, b.Topology, id)
	require.NoError(t, err)
	require.Equal(t, id, life.ID)
	return life.Where
}

// A request is followed from queue to queue, one service after the other.
func TestEachStepOfALife(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	id := b.Ask(1)[0].ID
	require.Equal(t, "it is in REQUESTS", where(t, b, id))

	stop := b.Generator(generator.Options{})
	b.Eventually(func() bool { return b.Messages(topology.Requests) == 0 }, "answered")
	stop()
	require.Equal(t, "its response is in RESPONSES, or in the generator's hands", where(t, b, id))

	stop = b.Requestor(requestor.Options{})
	b.Eventually(func() bool { return b.Messages(topology.Responses) == 0 }, "stored")
	stop()
	require.Equal(t, "its receipt is in RECEIPTS, or in the requestor's hands", where(t, b, id))

	b.Generator(generator.Options{})
	require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
	life, err := trace.Request(b.Context(), b.JS, b.Topology, id)
	require.NoError(t, err)
	require.Equal(t, "finished", life.Where)
	require.Nil(t, life.DeadLetter)
	require.Len(t, life.Steps, 4)
	for i, step := range life.Steps {
		require.Equal(t, topology.LedgerNames[i], step.Name)
		require.Contains(t, step.Value, id)
		if i > 0 {
			require.Equal(t, max(0, step.At.Sub(life.Steps[i-1].At)), step.After)
		}
	}
}

// A step that was recorded after the next one took no time, rather than less.
func TestRequest_HasNoNegativeTimes(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	id := contract.NewID()
	b.Keep(topology.Generated, ledger.Entry{ID: id, Value: []byte("{}")})
	b.Keep(topology.Asked, ledger.Entry{ID: id, Value: []byte("{}")})
	life, err := trace.Request(b.Context(), b.JS, b.Topology, id)
	require.NoError(t, err)
	require.Len(t, life.Steps, 2)
	require.True(t, life.Steps[1].At.Before(life.Steps[0].At))
	require.Zero(t, life.Steps[1].After)
}

// What no queue holds any more is not said to be in one.
func TestLostRequest(t *testing.T) {
	t.Parallel()
	for _, reached := range []int{1, 2, 3} {
		b := testbed.Start(t)
		id := contract.NewID()
		for _, name := range topology.LedgerNames[:reached] {
			b.Keep(name, ledger.Entry{ID: id, Value: []byte("{}")})
		}
		require.Contains(t, where(t, b, id), "lost: ")
		b.Ask(1)
		require.NotContains(t, where(t, b, id), "lost: ", "while a queue holds something it may be that")
	}
}

func TestRequest_WithADeadMessage(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	id := b.PlantDead(1)[0]
	life, err := trace.Request(b.Context(), b.JS, b.Topology, id)
	require.NoError(t, err)
	require.EqualValues(t, 1, life.DeadLetter.Sequence)
	require.Contains(t, life.Where, "dead-lettered from REQUESTS: cannot decode request")
}

func TestNothingIsRecorded(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	_, err := trace.Request(b.Context(), b.JS, b.Topology, contract.NewID())
	require.ErrorIs(t, err, trace.ErrUnknown)
	for _, id := range []string{"", "*", "nonsense", "a.b"} {
		_, err = trace.Request(b.Context(), b.JS, b.Topology, id)
		require.ErrorIs(t, err, contract.ErrInvalid, id)
	}
}

// What is stored under the request's ID and bears another is not taken for a step
// of its life.
func TestRequest_NamesAMismatchedEntry(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	id, other := contract.NewID(), contract.NewID()
	for _, name := range topology.LedgerNames {
		b.Keep(name, ledger.Entry{ID: id, Value: []byte(`{"id":"` + map[bool]string{true: other, false: id}[name == topology.Stored] + `"}`)})
	}
	life, err := trace.Request(b.Context(), b.JS, b.Topology, id)
	require.NoError(t, err)
	require.Equal(t, "mismatched: what ledger stored holds bears the ID of another request, "+other, life.Where)
	for _, step := range life.Steps {
		require.Equal(t, step.Name == topology.Stored, step.Mismatched == other, step.Name)
	}
}

// A ledger goes on reading until it is there and may be read. A trace says so.
func TestWithoutALedger(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	id := b.Ask(1)[0].ID
	require.NoError(t, b.JS.DeleteStream(b.Context(), "KV_"+topology.Stored))
	_, err := trace.Request(b.Context(), b.JS, b.Topology, id)
	require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
	require.ErrorContains(t, err, "KV_stored")
	require.ErrorContains(t, err, "run setup")
}

func TestWithoutPermission(t *testing.T) {
	t.Parallel()
	for _, denied := range []string{"$JS.API.DIRECT.GET.KV_asked", "$JS.API.STREAM.MSG.GET.KV_generated"} {
		b, limited := testbed.StartLimited(t, denied)
		id := b.Ask(1)[0].ID
		view, err := topology.Open(limited.Conn(), service.Slog(b.Log()), topology.Options{})
		require.NoError(t, err)
		_, err = trace.Request(b.Context(), limited, view, id)
		require.ErrorIs(t, err, nats.ErrPermissionViolation)
		require.ErrorContains(t, err, denied)
	}
}

func TestTraceGoesOnWhenTheBrokerIsBack(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	id := b.Ask(1)[0].ID
	b.Broker.Stop()
	b.Eventually(func() bool { return !b.Conn.IsConnected() }, "it is gone")
	type answer struct {
		life trace.Trace
		err  error
	}
	traced := make(chan answer, 1)
	go func() {
		life, err := trace.Request(b.Context(), b.JS, b.Topology, id)
		traced <- answer{life, err}
	}()
	b.Broker.Restart()
	select {
	case got := <-traced:
		require.NoError(t, got.err)
		require.Equal(t, "it is in REQUESTS", got.life.Where)
	case <-time.After(time.Minute):
		require.Fail(t, "it hangs")
	}
}
