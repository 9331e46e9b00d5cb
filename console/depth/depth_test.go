package depth_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"decoupled.example/console/depth"
	"decoupled.example/console/drain"
	"decoupled.example/console/internal/testbed"
	"decoupled.example/shared/brokertest"
	"decoupled.example/shared/topology"
)

// What each state of one message looks like, in whichever queue it is.
func TestStatesOfAMessage(t *testing.T) {
	t.Parallel()
	consumers, err := topology.Consumers(topology.Settings{})
	require.NoError(t, err)
	subjects := []string{topology.SubjectRequest, topology.SubjectResponse, topology.SubjectReceipt}
	for i, c := range consumers {
		for end, settle := range map[string]func(jetstream.Msg) error{"acknowledged": jetstream.Msg.Ack, "terminated": jetstream.Msg.Term} {
			t.Run(c.Stream+" "+end, func(t *testing.T) {
				t.Parallel()
				b := testbed.Start(t)
				consumer, err := b.JS.Consumer(b.Context(), c.Stream, c.Durable)
				require.NoError(t, err)
				take := func() jetstream.Msg {
					batch, err := consumer.Fetch(1, jetstream.FetchMaxWait(time.Minute))
					require.NoError(t, err)
					m := <-batch.Messages()
					require.NotNil(t, m, "%v", batch.Error())
					return m
				}
				becomes := func(want depth.Depth, state string) {
					t.Helper()
					want.Queue = c.Stream
					all := []depth.Depth{{Queue: topology.Requests}, {Queue: topology.Responses}, {Queue: topology.Receipts}}
					all[i] = want
					var got []depth.Depth
					b.Eventually(func() bool {
						got, err = depth.Read(b.Context(), b.JS)
						require.NoError(t, err)
						require.Equal(t, got[i].Messages == 0, got[i].Oldest.IsZero(), "there is an oldest one if there is any")
						got[i].Oldest, got[i].OldestAge = time.Time{}, 0
						for j := range got {
							require.False(t, got[j].Created.IsZero())
							got[j].Created = time.Time{}
						}
						return got[i] == want
					}, "%s: should be %+v, is %v", state, want, &got)
					require.Equal(t, all, got, state)
				}

				becomes(depth.Depth{}, "none")
				_, err = b.JS.Publish(b.Context(), subjects[i], nil)
				require.NoError(t, err)
				becomes(depth.Depth{Stored: 1, Messages: 1, Waiting: 1}, "queued")
				m := take()
				becomes(depth.Depth{Stored: 1, Messages: 1, InFlight: 1, Deliveries: 1}, "in flight")
				require.NoError(t, m.NakWithDelay(10*time.Millisecond))
				becomes(depth.Depth{Stored: 1, Messages: 1, InFlight: 1, Deliveries: 1}, "handed back, waiting")
				take()
				becomes(depth.Depth{Stored: 1, Messages: 1, InFlight: 1, Redelivered: 1, Deliveries: 2, Repeated: 1}, "second delivery in flight")
				m = take() // after the acknowledgement wait
				becomes(depth.Depth{Stored: 1, Messages: 1, InFlight: 1, Redelivered: 1, Deliveries: 3, Repeated: 2}, "third delivery in flight")
				require.NoError(t, settle(m))
				becomes(depth.Depth{Stored: 1, Deliveries: 3, Repeated: 2}, end)
			})
		}
	}
}

// Where a broker gives up delivering, which this project's topology forbids, its
// consumer says that nothing is waiting and nothing is in flight. The message is
// there nevertheless, and the queue is not drained.
func TestMessageThatIsDeliveredNoMoreIsStillThere(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	require.NoError(t, b.JS.DeleteConsumer(b.Context(), topology.Requests, topology.Generator))
	consumer, err := b.JS.CreateConsumer(b.Context(), topology.Requests, jetstream.ConsumerConfig{
		Durable: topology.Generator, AckPolicy: jetstream.AckExplicitPolicy, AckWait: 100 * time.Millisecond, MaxDeliver: 1,
	})
	require.NoError(t, err)
	b.Ask(1)
	batch, err := consumer.Fetch(1)
	require.NoError(t, err)
	require.NotNil(t, <-batch.Messages())
	var d depth.Depth
	b.Eventually(func() bool {
		more, err := consumer.FetchNoWait(1) // it notices only when asked
		require.NoError(t, err)
		require.Nil(t, <-more.Messages())
		depths, err := depth.Read(b.Context(), b.JS)
		require.NoError(t, err)
		d = depths[0]
		return d.InFlight == 0
	}, "it is given up")
	require.Zero(t, d.Waiting)
	require.EqualValues(t, 1, d.Messages)
	drained, _, err := drain.Check(b.Context(), b.JS)
	require.NoError(t, err)
	require.False(t, drained)
}

func TestDepthOfAPausedQueue(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Ask(2)
	paused := func() (all []bool) {
		depths, err := depth.Read(b.Context(), b.JS)
		require.NoError(t, err)
		for _, d := range depths {
			all = append(all, d.Paused)
		}
		return all
	}
	require.Equal(t, []bool{false, false, false}, paused())
	_, err := b.JS.PauseConsumer(b.Context(), topology.Responses, topology.Requestor, time.Now().Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, []bool{false, true, false}, paused())
	_, err = b.JS.ResumeConsumer(b.Context(), topology.Responses, topology.Requestor)
	require.NoError(t, err)
	require.Equal(t, []bool{false, false, false}, paused())
}

func TestDepthOnThreeNodes(t *testing.T) {
	t.Parallel()
	cluster := brokertest.StartCluster(t)
	b := testbed.On(t, cluster.URL(), func(s *topology.Settings) { s.Replicas = 3 })
	current := func() bool {
		depths, err := depth.Read(b.Context(), b.JS)
		require.NoError(t, err)
		for _, d := range depths {
			if d.Replicas != 3 {
				return false
			}
			require.NotEmpty(t, d.Leader)
		}
		return true
	}
	b.Eventually(current, "all nodes are current")
	cluster.StreamLeader(topology.Requests).Stop()
	b.Eventually(func() bool {
		depths, err := depth.Read(b.Context(), b.JS)
		require.NoError(t, err, "it waits for the next leader")
		return depths[0].Replicas == 2
	}, "one node is away")
}

func TestDepthWithoutSetup(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	require.NoError(t, b.JS.DeleteConsumer(b.Context(), topology.Receipts, topology.Generator))
	_, err := depth.Read(b.Context(), b.JS)
	require.ErrorIs(t, err, jetstream.ErrConsumerNotFound)
	require.ErrorContains(t, err, "cannot read the depth of RECEIPTS")
	require.ErrorContains(t, err, "run setup")

	require.NoError(t, b.JS.DeleteStream(b.Context(), topology.Requests))
	_, err = depth.Read(b.Context(), b.JS)
	require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
	require.ErrorContains(t, err, "cannot read the depth of REQUESTS")
	require.ErrorContains(t, err, "run setup")
}

func TestDepthWhenTheBrokerIsBack(t *testing.T) {
	t.Parallel()
	b := testbed.Start(t)
	b.Ask(5)
	for range 3 {
		back := make(chan struct{})
		go func() {
			defer close(back)
			b.Broker.Restart()
		}()
		depths, err := depth.Read(b.Context(), b.JS)
		<-back // the read may have come before the restart, and two of them at once are not meant
		require.NoError(t, err)
		require.EqualValues(t, 5, depths[0].Messages)
		b.Eventually(b.Conn.IsConnected, "it is back")
	}
}

// The age of the oldest message does not depend on the clock of the reader.
func TestRead_ComputesAgesByTheBrokersClock(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"ahead": 2 * time.Hour, "behind": -2 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := testbed.StartShifted(t, ahead)
			b.Ask(1)
			b.Eventually(func() bool {
				depths, err := depth.Read(b.Context(), b.JS)
				require.NoError(t, err)
				require.GreaterOrEqual(t, depths[0].OldestAge, time.Duration(0))
				require.Less(t, depths[0].OldestAge, time.Hour)
				require.Zero(t, depths[1].OldestAge)
				return depths[0].OldestAge > 0
			}, "it becomes older")
		})
	}
}

func TestUnchanged(t *testing.T) {
	t.Parallel()
	before := depth.Depth{Queue: topology.Requests, Messages: 1, OldestAge: time.Second}
	later := before
	later.OldestAge = time.Minute
	require.True(t, later.Unchanged(before), "nothing has happened to it")
	later.InFlight++
	require.False(t, later.Unchanged(before))
}
