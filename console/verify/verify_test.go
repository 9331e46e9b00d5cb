package verify_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/drain"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/console/verify"
	"decoupled.example/generator"
	"decoupled.example/requestor"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

func run(t *testing.T, b *testbed.Bed) verify.Verdict {
	t.Helper()
	verdict, err := verify.Run(b.Context(), b.JS, b.Topology, nil)
	require.NoError(t, err)
	return verdict
}

// finished has n requests finished by the services, which are stopped again.
func finished(t *testing.T, b *testbed.Bed, n int) {
	t.Helper()
	stop := b.Services()
	b.Ask(n)
	require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
	stop()
}

// response is the entry of a response.
func response(id, text string) ledger.Entry {
	value, err := json.Marshal(contract.NewResponse(id, text, time.Now()))
	if err != nil {
		panic(err)
	}
	return ledger.Entry{ID: id, Value: value}
}

// plant puts entries of one request into those ledgers.
func plant(b *testbed.Bed, id string, ledgers ...string) {
	for _, name := range ledgers {
		b.Keep(name, response(id, "the same"))
	}
}

func TestNothingIsWrong(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	require.Equal(t, verify.Verdict{}, run(t, b))

	finished(t, b, 1500)
	verdict := run(t, b)
	require.Equal(t, verify.Verdict{Asked: 1500, Generated: 1500, Stored: 1500, Received: 1500, Complete: 1500}, verdict)
	require.True(t, verdict.OK())
	require.True(t, verdict.Finished())
}

// Each verdict that an entry or its absence leads to, among requests with which
// nothing is wrong.
func TestPlanted(t *testing.T) {
	t.Parallel()
	const asked, generated, stored, received = topology.Asked, topology.Generated, topology.Stored, topology.Received
	for _, test := range []struct {
		name    string
		plant   func(b *testbed.Bed, id string)
		want    func(*verify.Verdict)
		finding string // "" when nothing is wrong
	}{
		{
			"asked, never generated", func(b *testbed.Bed, id string) { plant(b, id, asked) },
			func(v *verify.Verdict) { v.Asked++; v.Lost++ }, "lost: asked, never generated",
		},
		{
			"generated, never stored", func(b *testbed.Bed, id string) { plant(b, id, asked, generated) },
			func(v *verify.Verdict) { v.Asked++; v.Generated++; v.Lost++ }, "lost: asked, generated, never stored",
		},
		{
			"stored, never received", func(b *testbed.Bed, id string) { plant(b, id, asked, generated, stored) },
			func(v *verify.Verdict) { v.Asked++; v.Generated++; v.Stored++; v.Lost++ }, "lost: asked, stored, never received",
		},
		{
			"not asked, generated, never stored", func(b *testbed.Bed, id string) { plant(b, id, generated) },
			func(v *verify.Verdict) { v.Generated++; v.Lost++ }, "lost: not recorded as asked, generated, never stored",
		},
		{
			"not asked, stored, never received", func(b *testbed.Bed, id string) { plant(b, id, generated, stored) },
			func(v *verify.Verdict) { v.Generated++; v.Stored++; v.Lost++ }, "lost: not recorded as asked, stored, never received",
		},
		{
			"not asked, and complete", func(b *testbed.Bed, id string) { plant(b, id, generated, stored, received) },
			func(v *verify.Verdict) { v.Generated++; v.Stored++; v.Received++; v.Recovered++ }, "",
		},
		{
			"stored, never generated", func(b *testbed.Bed, id string) { plant(b, id, stored, received) },
			func(v *verify.Verdict) { v.Stored++; v.Received++; v.Unexpected++ }, "unexpected: stored, never generated",
		},
		{
			"received, never stored", func(b *testbed.Bed, id string) { plant(b, id, received) },
			func(v *verify.Verdict) { v.Received++; v.Unexpected++ }, "unexpected: received, never stored",
		},
		{
			"another string", func(b *testbed.Bed, id string) {
				plant(b, id, asked, received)
				b.Keep(generated, response(id, "one"))
				b.Keep(stored, response(id, "two"))
			},
			func(v *verify.Verdict) { v.Asked++; v.Generated++; v.Stored++; v.Received++; v.Mismatched++ },
			"mismatched: the string stored is not the string generated",
		},
		{
			"another string, and no receipt", func(b *testbed.Bed, id string) {
				plant(b, id, asked)
				b.Keep(generated, response(id, "one"))
				b.Keep(stored, response(id, "two"))
			},
			func(v *verify.Verdict) { v.Asked++; v.Generated++; v.Stored++; v.Mismatched++ },
			"mismatched: the string stored is not the string generated",
		},
		{
			"another string, no receipt, and a letter", func(b *testbed.Bed, id string) {
				plant(b, id, asked)
				b.Keep(generated, response(id, "one"))
				b.Keep(stored, response(id, "two"))
				_, err := b.JS.Publish(b.Context(), "dead.RECEIPTS."+id, nil)
				if err != nil {
					panic(err)
				}
			},
			func(v *verify.Verdict) { v.Asked++; v.Generated++; v.Stored++; v.Mismatched++; v.DeadLetters++ },
			"mismatched: the string stored is not the string generated",
		},
		{
			"another string, not asked", func(b *testbed.Bed, id string) {
				plant(b, id, received)
				b.Keep(generated, response(id, "one"))
				b.Keep(stored, response(id, "two"))
			},
			func(v *verify.Verdict) { v.Generated++; v.Stored++; v.Received++; v.Mismatched++ },
			"mismatched: the string stored is not the string generated",
		},
		{
			"the same rubbish", func(b *testbed.Bed, id string) {
				plant(b, id, asked, received)
				b.Keep(generated, ledger.Entry{ID: id, Value: []byte("rubbish")})
				b.Keep(stored, ledger.Entry{ID: id, Value: []byte("rubbish")})
			},
			func(v *verify.Verdict) { v.Asked++; v.Generated++; v.Stored++; v.Received++; v.Mismatched++ },
			"mismatched: what was generated is not the response to this request",
		},
		{
			"the response to another request", func(b *testbed.Bed, id string) {
				plant(b, id, asked, generated, received)
				b.Keep(stored, ledger.Entry{ID: id, Value: response(contract.NewID(), "the same").Value})
			},
			func(v *verify.Verdict) { v.Asked++; v.Generated++; v.Stored++; v.Received++; v.Mismatched++ },
			"mismatched: what was stored is not the response to this request",
		},
		{
			"generated for another request, and never stored", func(b *testbed.Bed, id string) {
				plant(b, id, asked)
				b.Keep(generated, ledger.Entry{ID: id, Value: response(contract.NewID(), "the same").Value})
			},
			func(v *verify.Verdict) { v.Asked++; v.Generated++; v.Mismatched++ },
			"mismatched: what was generated is not the response to this request",
		},
		{
			"the receipt of another request", func(b *testbed.Bed, id string) {
				plant(b, id, asked, generated, stored)
				b.Keep(received, ledger.Entry{ID: id, Value: response(contract.NewID(), "the same").Value})
			},
			func(v *verify.Verdict) { v.Asked++; v.Generated++; v.Stored++; v.Received++; v.Mismatched++ },
			"mismatched: what was received is not the receipt of this request",
		},
		{
			"another request, recorded as asked", func(b *testbed.Bed, id string) {
				plant(b, id, generated, stored, received)
				b.Keep(asked, ledger.Entry{ID: id, Value: response(contract.NewID(), "the same").Value})
			},
			func(v *verify.Verdict) { v.Asked++; v.Generated++; v.Stored++; v.Received++; v.Mismatched++ },
			"mismatched: what was recorded as asked is another request",
		},
		{
			"as many entries, of other requests", func(b *testbed.Bed, id string) {
				plant(b, id, asked, generated)
				plant(b, contract.NewID(), stored, received)
			},
			func(v *verify.Verdict) {
				v.Asked++
				v.Generated++
				v.Stored++
				v.Received++
				v.Lost++
				v.Unexpected++
			},
			"lost: asked, generated, never stored",
		},
		{
			"something that is no ID", func(b *testbed.Bed, _ string) {
				_, err := b.JS.Publish(b.Context(), "$KV.asked.no.id\x1b[2J", nil)
				if err != nil {
					panic(err)
				}
			},
			func(v *verify.Verdict) { v.Asked++; v.Unexpected++ }, "unexpected: this is no request's ID",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := testbed.Start(t)
			complete := make([]ledger.Entry, 520) // more than are judged together
			for i := range complete {
				complete[i] = response(contract.NewID(), "the same")
			}
			for _, name := range topology.LedgerNames {
				b.Keep(name, complete...)
			}
			id := contract.NewID()
			test.plant(b, id)
			want := verify.Verdict{Asked: 520, Generated: 520, Stored: 520, Received: 520, Complete: 520}
			test.want(&want)

			got := run(t, b)
			if test.finding == "" {
				require.Empty(t, got.Findings)
				require.True(t, got.OK())
				require.True(t, got.Finished())
			} else {
				require.NotEmpty(t, got.Findings)
				require.Equal(t, test.finding, got.Findings[0].What)
				require.NotContains(t, got.Findings[0].String(), "\x1b", "safe to print")
				require.False(t, got.OK())
				require.False(t, got.Finished())
			}
			got.Findings = nil
			require.Equal(t, want, got)
		})
	}
}

// What is wrong is counted all, and listed only so far.
func TestManyFindings(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	for range 30 {
		plant(b, contract.NewID(), topology.Asked)
		plant(b, contract.NewID(), topology.Received)
	}
	verdict := run(t, b)
	require.EqualValues(t, 30, verdict.Lost)
	require.EqualValues(t, 30, verdict.Unexpected)
	require.Len(t, verdict.Findings, 20)
}

// A requestor that is killed between publishing and recording leaves a request
// that is answered though nobody is known to have asked.
func TestRecovered(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Services()
	b.Ask(10)
	require.NoError(t, b.Topology.Requests.Publish(b.Context(), contract.NewRequest(time.Now()), contract.NewRequest(time.Now())))
	require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
	require.Equal(t, verify.Verdict{Asked: 10, Generated: 12, Stored: 12, Received: 12, Complete: 10, Recovered: 2}, run(t, b))
}

// While messages are in the queues, what is not complete is outstanding.
func TestOutstanding(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	finished(t, b, 5)
	b.Ask(1)
	require.Equal(t, verify.Verdict{Asked: 6, Generated: 5, Stored: 5, Received: 5, Complete: 5, Outstanding: 1}, run(t, b))

	stop := b.Generator(generator.Options{})
	b.Eventually(func() bool { return b.Messages(topology.Requests) == 0 }, "answered")
	stop()
	require.Equal(t, verify.Verdict{Asked: 6, Generated: 6, Stored: 5, Received: 5, Complete: 5, Outstanding: 1}, run(t, b))

	stop = b.Requestor(requestor.Options{})
	b.Eventually(func() bool { return b.Messages(topology.Responses) == 0 }, "stored")
	stop()
	verdict := run(t, b)
	require.Equal(t, verify.Verdict{Asked: 6, Generated: 6, Stored: 6, Received: 5, Complete: 5, Outstanding: 1}, verdict)
	require.True(t, verdict.OK())
	require.False(t, verdict.Finished())

	b.Generator(generator.Options{})
	require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
	require.Equal(t, verify.Verdict{Asked: 6, Generated: 6, Stored: 6, Received: 6, Complete: 6}, run(t, b))
}

// A request that was set aside is dead, from whichever queue, and not lost; one
// whose receipt was, though it is stored, has nothing outstanding either. One that
// is complete nevertheless is complete.
func TestDead(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	finished(t, b, 3)
	want := verify.Verdict{Asked: 3, Generated: 3, Stored: 3, Received: 3, Complete: 3}
	ledgers := []string{topology.Asked, topology.Generated, topology.Stored}
	counts := []*uint64{&want.Asked, &want.Generated, &want.Stored}
	for i, subject := range []string{topology.SubjectRequest, topology.SubjectResponse, topology.SubjectReceipt} {
		id := contract.NewID()
		plant(b, id, ledgers[:i+1]...)
		for _, n := range counts[:i+1] {
			*n++
		}
		b.PublishUnreadable(subject, id)
		want.Outstanding++
		require.Equal(t, want, run(t, b))

		stop := b.Services()
		b.Eventually(func() bool { return b.Messages(topology.DeadLetters) == uint64(i+1) }, "dead-lettered from %s", subject)
		require.NoError(t, drain.Wait(b.Context(), b.JS, nil))
		stop()
		want.Outstanding--
		want.Dead++
		want.DeadLetters++
		require.Equal(t, want, run(t, b))
		require.True(t, want.Finished())
	}

	complete := b.Entries(topology.Asked)[0].ID
	_, err := b.JS.Publish(b.Context(), "dead.REQUESTS."+complete, nil)
	require.NoError(t, err)
	_, err = b.JS.Publish(b.Context(), "dead.REQUESTS.unknown", nil)
	require.NoError(t, err)
	want.DeadLetters += 2
	require.Equal(t, want, run(t, b))
}

func TestVerifyGoesOnWhenTheBrokerIsBack(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	finished(t, b, 2000)
	plant(b, contract.NewID(), topology.Asked)
	type result struct {
		verdict verify.Verdict
		err     error
	}
	for range 2 {
		done := make(chan result, 1)
		go func() {
			verdict, err := verify.Run(b.Context(), b.JS, b.Topology, nil)
			done <- result{verdict, err}
		}()
		b.Broker.Restart()
		r := <-done
		require.NoError(t, r.err)
		require.EqualValues(t, 2000, r.verdict.Complete)
		require.EqualValues(t, 1, r.verdict.Lost)
	}

	b.Broker.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := verify.Run(ctx, b.JS, b.Topology, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, nats.ErrDisconnected)
	require.ErrorContains(t, err, "cannot verify: ")
}

func TestVerifyWithoutSetup(t *testing.T) {
	t.Parallel()
	for _, stream := range []string{topology.DeadLetters, "KV_stored", topology.Responses} {
		t.Run(stream, func(t *testing.T) {
			t.Parallel()
			b := testbed.Start(t)
			b.Ask(1)
			require.NoError(t, b.JS.DeleteStream(b.Context(), stream))
			_, err := verify.Run(b.Context(), b.JS, b.Topology, nil)
			require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
			require.ErrorContains(t, err, "cannot verify: ")
			require.ErrorContains(t, err, "run setup")
		})
	}
}

func TestVerifyWithoutPermission(t *testing.T) {
	t.Parallel()
	b, limited := testbed.StartLimited(t, "$JS.API.STREAM.INFO.KV_stored")
	_, err := verify.Run(b.Context(), limited, b.Topology, nil)
	require.ErrorIs(t, err, nats.ErrPermissionViolation)
	require.ErrorContains(t, err, "$JS.API.STREAM.INFO.KV_stored")
}

// A ledger goes on reading until it may. A verification says what is denied.
func TestVerifyWithoutPermissionToReadALedger(t *testing.T) {
	t.Parallel()
	for _, denied := range []string{"$JS.API.DIRECT.GET.KV_asked", "$JS.API.DIRECT.GET.KV_stored", "$JS.API.STREAM.MSG.GET.KV_generated"} {
		t.Run(denied, func(t *testing.T) {
			t.Parallel()
			b, limited := testbed.StartLimited(t, denied)
			plant(b, contract.NewID(), topology.Asked, topology.Generated)
			plant(b, contract.NewID(), topology.Asked) // of which the leader is asked
			view, err := topology.Open(limited.Conn(), service.Slog(b.Log()), topology.Options{})
			require.NoError(t, err)
			_, err = verify.Run(b.Context(), limited, view, nil)
			require.ErrorIs(t, err, nats.ErrPermissionViolation)
			require.ErrorContains(t, err, "cannot verify: ")
			require.ErrorContains(t, err, denied)
		})
	}
}
