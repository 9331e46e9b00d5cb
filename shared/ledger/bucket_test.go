package ledger_test

import (
	"context"
	"log/slog"
	"strconv"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/topology"
)

// The bucket itself keeps what was written first, also from a client that
// ignores how a ledger writes.
func TestTheBucketRefusesASecondWrite(t *testing.T) {
	t.Parallel()
	t.Run("one node", func(t *testing.T) {
		t.Parallel()
		refuseSecondWrites(t, newStore(t, topology.Settings{}, brokertest.Start(t)))
	})
	t.Run("three nodes", func(t *testing.T) {
		t.Parallel()
		refuseSecondWrites(t, newStore(t, topology.Settings{Replicas: 3}, brokertest.StartCluster(t).Nodes...))
	})
}

func refuseSecondWrites(t *testing.T, s *store) {
	t.Helper()
	l := s.Open(t)
	first := []ledger.Entry{{ID: "a", Value: []byte("first")}, {ID: "b", Value: []byte("first")}}
	_, err := l.PutIfAbsent(t.Context(), first...)
	require.NoError(t, err)

	js, err := jetstream.New(s.nodes[0].Connect())
	require.NoError(t, err)
	kv, err := js.KeyValue(t.Context(), s.bucket)
	require.NoError(t, err)
	entry, err := kv.Get(t.Context(), "a")
	require.NoError(t, err, "key-value clients can read it")
	require.Equal(t, "first", string(entry.Value()))

	header := func(name, value string) func(context.Context) error {
		return func(ctx context.Context) error {
			m := &nats.Msg{Subject: "$KV." + s.bucket + ".a", Data: []byte("second"), Header: nats.Header{}}
			if name != "" {
				m.Header.Set(name, value)
			}
			_, err := js.PublishMsg(ctx, m)
			return err
		}
	}
	for name, write := range map[string]func(context.Context) error{
		"plain publish":    header("", ""),
		"another first":    header(jetstream.ExpectedLastSubjSeqHeader, "0"),
		"update":           header(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(entry.Revision(), 10)),
		"roll up subject":  header(jetstream.MsgRollup, jetstream.MsgRollupSubject),
		"roll up all":      header(jetstream.MsgRollup, jetstream.MsgRollupAll),
		"delete marker":    header("KV-Operation", "DEL"),
		"purge marker":     header("KV-Operation", "PURGE"),
		"time to live":     header(jetstream.MsgTTLHeader, "1s"),
		"key-value put":    func(ctx context.Context) error { _, err := kv.Put(ctx, "a", []byte("second")); return err },
		"key-value delete": func(ctx context.Context) error { return kv.Delete(ctx, "a") },
		"key-value purge":  func(ctx context.Context) error { return kv.Purge(ctx, "a") },
		"key-value update": func(ctx context.Context) error {
			_, err := kv.Update(ctx, "a", []byte("second"), entry.Revision())
			return err
		},
		"key-value create":   func(ctx context.Context) error { _, err := kv.Create(ctx, "a", []byte("second")); return err },
		"roll up of another": func(ctx context.Context) error { return kv.PurgeDeletes(ctx) },
	} {
		err := write(t.Context())
		if name != "roll up of another" { // it finds nothing to purge
			require.Error(t, err, name)
		}
		found, err := l.Get(t.Context(), "a", "b")
		require.NoError(t, err)
		require.Len(t, found, 2, name)
		require.Equal(t, "first", string(found[0].Value), name)
		require.Equal(t, "first", string(found[1].Value), name)
	}
	n, err := l.Count(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
}

// Who may write to the bucket may write an entry with headers like the broker's.
// It is read like any other.
func TestGet_IgnoresHeadersOfEntries(t *testing.T) {
	t.Parallel()
	s := newStore(t, topology.Settings{}, brokertest.Start(t))
	js, err := jetstream.New(s.nodes[0].Connect())
	require.NoError(t, err)
	l := s.Open(t)
	for _, id := range []string{"before", "hostile", "after"} {
		m := &nats.Msg{Subject: "$KV." + s.bucket + "." + id, Data: []byte("value of " + id)}
		if id == "hostile" {
			m.Header = nats.Header{
				jetstream.SubjectHeader: {"x"}, jetstream.SequenceHeader: {"y"}, jetstream.LastSequenceHeader: {"99"},
				jetstream.TimeStampHeaer: {"never"}, "Status": {"204"}, "Nats-Num-Pending": {"0"}, "KV-Operation": {"DEL"},
			}
		}
		_, err := js.PublishMsg(t.Context(), m)
		require.NoError(t, err)
	}
	found, err := l.Get(t.Context(), "before", "hostile", "after")
	require.NoError(t, err)
	require.Len(t, found, 3)
	n := 0
	for e, err := range l.All(t.Context()) {
		require.NoError(t, err)
		require.Equal(t, found[n].ID, e.ID)
		require.Equal(t, "value of "+e.ID, string(e.Value))
		require.Equal(t, "value of "+e.ID, string(found[n].Value))
		n++
	}
	require.Equal(t, 3, n)
}

// An operator, or the age limit, may take entries out: anywhere, also the last.
func TestAllOfWhatIsLeft(t *testing.T) {
	t.Parallel()
	for name, gone := range map[string][]uint64{
		"first": {1, 2}, "middle": {4, 5, 7}, "last": {9, 10}, "all": {1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broker := brokertest.Start(t)
			stream := createBucket(t, broker.Connect(), "shrinking", topology.Settings{})
			l := open(t, broker.Connect(), slog.New(slog.DiscardHandler), "shrinking")
			for i := range 10 {
				_, err := l.PutIfAbsent(t.Context(), ledger.Entry{ID: strconv.Itoa(i + 1)})
				require.NoError(t, err)
			}
			var want []string
			for i := range uint64(10) {
				deleted := false
				for _, sequence := range gone {
					deleted = deleted || sequence == i+1
				}
				if !deleted {
					want = append(want, strconv.FormatUint(i+1, 10))
				}
			}
			for _, sequence := range gone {
				require.NoError(t, stream.DeleteMsg(t.Context(), sequence))
			}
			var got []string
			for e, err := range l.All(t.Context()) {
				require.NoError(t, err)
				got = append(got, e.ID)
			}
			require.Equal(t, want, got)
			n, err := l.Count(t.Context())
			require.NoError(t, err)
			require.EqualValues(t, len(want), n)
		})
	}
}
