package ledger_test

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/topology"
)

// Right after "exists" a replica may not have the entry yet; and as long as the
// winner's write is under way not even the leader has. A PutIfAbsent that hits this
// must return the winner all the same, at whatever node it is connected.
func TestALoserAlwaysReturnsTheWinner(t *testing.T) {
	t.Parallel()
	nodes := brokertest.StartCluster(t).Nodes
	t.Run("one by one", func(t *testing.T) {
		t.Parallel()
		losersReturnWinners(t, newStore(t, topology.Settings{Replicas: 3}, nodes...), 10)
	})
	t.Run("in batches", func(t *testing.T) {
		t.Parallel()
		losersReturnWinners(t, newStore(t, topology.Settings{Replicas: 3, SyncAlways: true}, nodes...), 40)
	})
}

// losersReturnWinners has writers keep the same entries at once, again and again.
func losersReturnWinners(t *testing.T, s *store, batch int) {
	t.Helper()
	const writers, rounds = 3, 120
	handles := make([]ledger.Ledger, writers) // each at another node
	for w := range handles {
		handles[w] = s.Open(t)
	}
	lost := 0
	for round := range rounds {
		var (
			kept  [writers][]ledger.Entry
			group errgroup.Group
			begin = make(chan struct{})
		)
		for w, l := range handles {
			entries := make([]ledger.Entry, batch)
			for i := range entries {
				entries[i] = ledger.Entry{ID: fmt.Sprintf("%d-%d", round, i), Value: fmt.Append(nil, w)}
			}
			group.Go(func() (err error) {
				<-begin
				kept[w], err = l.PutIfAbsent(t.Context(), entries...)
				return err
			})
		}
		close(begin)
		require.NoError(t, group.Wait())
		for i := range batch {
			for w := range writers {
				require.Equal(t, string(kept[0][i].Value), string(kept[w][i].Value), "entry %s", kept[0][i].ID)
				if string(kept[w][i].Value) != fmt.Sprint(w) {
					lost++
				}
			}
		}
	}
	require.Equal(t, (writers-1)*rounds*batch, lost, "of each entry all writers but one lose")
}

func TestWritersGoOnWithoutTheLeader(t *testing.T) {
	t.Parallel()
	cluster := brokertest.StartCluster(t)
	s := newStore(t, topology.Settings{Replicas: 3}, cluster.Nodes...)
	var (
		kept     atomic.Int64
		returned [3]map[string]string
		stop     = make(chan struct{})
		group    errgroup.Group
	)
	for w := range returned {
		l := s.Open(t)
		returned[w] = make(map[string]string)
		group.Go(func() error {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return nil
				default:
				}
				got, err := l.PutIfAbsent(t.Context(), ledger.Entry{ID: fmt.Sprint(n), Value: fmt.Append(nil, w)})
				if err != nil {
					return err
				}
				found, err := l.Get(t.Context(), got[0].ID)
				if err != nil {
					return err
				}
				if len(found) != 1 || string(found[0].Value) != string(got[0].Value) {
					return fmt.Errorf("kept %s, found %v", got[0].Value, found)
				}
				returned[w][got[0].ID] = string(got[0].Value)
				kept.Add(1)
			}
		})
	}
	progress := func() {
		t.Helper()
		before := kept.Load()
		require.Eventually(t, func() bool { return kept.Load() >= before+100 }, patience, time.Millisecond)
	}
	progress()
	leader := cluster.StreamLeader("KV_" + s.bucket)
	leader.Stop()
	progress()
	close(stop)
	require.NoError(t, group.Wait())

	winners := make(map[string]string)
	for e, err := range open(t, cluster.Connect(), slog.New(slog.DiscardHandler), s.bucket).All(t.Context()) {
		require.NoError(t, err)
		winners[e.ID] = string(e.Value)
	}
	for w := range returned {
		for id, value := range returned[w] {
			require.Equal(t, winners[id], value, "what writer %d was told about %s", w, id)
		}
	}
}
