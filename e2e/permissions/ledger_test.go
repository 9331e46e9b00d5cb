package permissions_test

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/topology"
)

// A service may write to its ledgers, and yet change nothing that is there: the
// broker itself refuses it, whatever the headers ask for.
func TestNoServiceRewritesItsOwnLedger(t *testing.T) {
	t.Parallel()
	b := start(t)
	for user, ledgers := range map[string][]string{
		topology.Requestor: {topology.Asked, topology.Stored},
		topology.Generator: {topology.Generated, topology.Received},
	} {
		js := b.jetStream(user)
		for _, ledger := range ledgers {
			write := func(value string, header nats.Header) error {
				_, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: "$KV." + ledger + ".key", Header: header, Data: []byte(value)})
				return err
			}
			require.NoError(t, write("first", nil))
			for _, header := range []nats.Header{
				nil,
				{"Nats-Rollup": {"sub"}}, {"Nats-Rollup": {"all"}},
				{"KV-Operation": {"DEL"}}, {"KV-Operation": {"PURGE"}, "Nats-Rollup": {"sub"}},
				{"Nats-Expected-Last-Subject-Sequence": {"1"}}, {"Nats-Expected-Last-Sequence": {"1"}},
				{"Nats-Msg-Id": {"another"}}, {"Nats-TTL": {"1s"}},
			} {
				require.Error(t, write("second", header), "%s rewrites %s with %v", user, ledger, header)
			}
			answer, err := js.Conn().RequestWithContext(t.Context(), "$JS.API.DIRECT.GET.KV_"+ledger, []byte(`{"last_by_subj":"$KV.`+ledger+`.key"}`))
			require.NoError(t, err)
			require.Equal(t, "first", string(answer.Data))
			require.Equal(t, "1", answer.Header.Get("Nats-Sequence"))
		}
	}
}

// Both services have records of trials in one bucket, each under its own queues,
// and neither removes the other's, whatever the headers ask for.
func TestAttempts_NoServiceDeletesTheOthersRecords(t *testing.T) {
	t.Parallel()
	b := start(t)
	for user, subjects := range map[string]struct{ own, others string }{
		topology.Requestor: {"$KV.attempts.RESPONSES.1.1", "$KV.attempts.REQUESTS.1.1"},
		topology.Generator: {"$KV.attempts.RECEIPTS.2.1", "$KV.attempts.RESPONSES.2.1"},
	} {
		other := topology.Generator
		if user == other {
			other = topology.Requestor
		}
		_, err := b.jetStream(other).Publish(t.Context(), subjects.others, []byte("attempt"))
		require.NoError(t, err)
		js := b.jetStream(user)
		for _, header := range []nats.Header{
			{"Nats-Rollup": {"all"}}, {"Nats-Rollup": {"sub"}}, {"KV-Operation": {"PURGE"}, "Nats-Rollup": {"all"}},
		} {
			_, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: subjects.own, Header: header})
			require.Error(t, err, "%s with %v", user, header)
		}
		answer, err := js.Conn().RequestWithContext(t.Context(), "$JS.API.STREAM.MSG.GET.KV_attempts", []byte(`{"last_by_subj":"`+subjects.others+`"}`))
		require.NoError(t, err)
		require.Contains(t, string(answer.Data), "YXR0ZW1wdA==", "%s finds the record of %s", user, other) // as base64
	}
}
