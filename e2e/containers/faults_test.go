package containers_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/console/status"
	"decoupled.example/requestor"
	"decoupled.example/shared/topology"
)

// A request passes all containers and comes back; without a generator it waits.
func TestRoundTripAndScaleToZero(t *testing.T) {
	t.Parallel()
	s := start(t, 1)
	s.service(topology.Requestor, "RATE=100", "COUNT=100")
	generators := []*unit{s.service(topology.Generator), s.service(topology.Generator)}
	s.stored(100)
	for _, g := range generators {
		g.stop()
		state, err := g.State(t.Context())
		require.NoError(t, err)
		require.Zero(t, state.ExitCode)
	}
	now, err := status.Read(s.within(), s.conn, s.js)
	require.NoError(t, err)
	require.Zero(t, now.Alive(topology.Generator))

	_, err = requestor.NewAsker(s.topology).Ask(s.within(), 1000)
	require.NoError(t, err)
	now, err = status.Read(s.within(), s.conn, s.js)
	require.NoError(t, err)
	require.EqualValues(t, 1000, now.Unfinished())
	for _, g := range generators {
		g.start()
	}
	s.proven(1100)
}

// What happens to a service, under load.
func TestFaultsOfServices(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(s *stack, u *unit){
		"killed":  func(_ *stack, u *unit) { u.kill(); u.start() },
		"frozen":  func(s *stack, u *unit) { u.freeze(); s.flow(100); u.thaw() },
		"cut off": func(s *stack, u *unit) { u.cutOff(); s.flow(100); u.joinAgain() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, 1)
			units := []*unit{ // two of each, so that one goes on
				s.service(topology.Requestor, "RATE=0"), s.service(topology.Requestor, "RATE=0"),
				s.service(topology.Generator), s.service(topology.Generator),
			}
			l := s.load()
			for _, u := range []*unit{units[0], units[2]} {
				s.flow(100)
				fault(s, u)
			}
			s.flow(100)
			s.proven(l.stop())
		})
	}
}

// The broker is killed, and started again with its data; or it hangs.
func TestFaultsOfTheBroker(t *testing.T) {
	t.Parallel()
	s := start(t, 1)
	s.service(topology.Requestor, "RATE=0")
	s.service(topology.Generator)
	node, l := s.nodes["nats-1"], s.load()
	s.flow(100)
	node.kill()
	node.start()
	s.flow(100)
	node.freeze()
	l.waits()
	node.thaw()
	s.flow(100)
	s.proven(l.stop())
}

// Of three nodes the one that leads the requests is killed, frozen, cut off.
func TestFaultsOfTheLeader(t *testing.T) {
	t.Parallel()
	long(t)
	//nolint:paralleltest // nine nodes at once are too many for a small machine
	for name, fault := range map[string]struct {
		do, undo func(*unit)
	}{
		"killed":  {(*unit).kill, (*unit).start},
		"frozen":  {(*unit).freeze, (*unit).thaw},
		"cut off": {(*unit).cutOff, (*unit).joinAgain},
	} {
		// Each on nodes of its own: when a node that was away has all again, and
		// the next may go, is for the broker to decide, and may take minutes.
		t.Run(name, func(t *testing.T) {
			s := start(t, 3)
			s.service(topology.Requestor, "RATE=0")
			s.service(topology.Generator)
			l := s.load()
			s.flow(100)
			leader := s.leader()
			fault.do(leader)
			s.flow(100) // the others go on without it
			fault.undo(leader)
			s.flow(100)
			s.proven(l.stop())
		})
	}
}

// leader is the node that leads the requests.
func (s *stack) leader() (leader *unit) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		stream, err := s.js.Stream(s.within(), topology.Requests)
		if err == nil && stream.CachedInfo().Cluster != nil {
			leader = s.nodes[stream.CachedInfo().Cluster.Leader]
		}
		return leader != nil
	}, patience, tick, "there is a leader")
	return leader
}
