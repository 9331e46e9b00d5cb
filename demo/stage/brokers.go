package stage

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/demo/deployment"
	"decoupled.example/shared/topology"
)

// CrashBroker ends a node of the broker without a warning; empty is the only
// one. Where that is not possible, it is shut down instead, and the story says so.
func (s *Stage) CrashBroker(node string) {
	err := s.deployed.KillBroker(s.ctx, node)
	if errors.Is(err, deployment.ErrUnsupported) {
		s.Report("(it cannot be killed on %s: it is shut down)", s.kind.Name)
		err = s.deployed.StopBroker(s.ctx, node)
	}
	s.Must(err)
}

// StartBroker starts a node again, with its data.
func (s *Stage) StartBroker(node string) { s.Must(s.deployed.StartBroker(s.ctx, node)) }

// BrokerTime is the time by the broker's clock, which stamps the entries of the
// ledgers.
func (s *Stage) BrokerTime() time.Time {
	ctx, cancel := s.patient("the broker answers")
	defer cancel()
	stream, err := s.Operator().JS.Stream(ctx, topology.Requests)
	s.must(ctx, err)
	return stream.CachedInfo().TimeStamp
}

// Leader is the node that leads a stream.
func (s *Stage) Leader(stream string) (leader string) {
	s.Until(stream+" has a leader", func() bool {
		if info := s.cluster(stream); info != nil {
			leader = info.Leader
		}
		return leader != ""
	})
	return leader
}

// InSync waits until every stream is on all nodes again.
func (s *Stage) InSync() {
	streams, err := topology.Streams(s.needs.Settings())
	s.Must(err)
	s.Until("all nodes have everything", func() bool {
		for _, config := range streams {
			info := s.cluster(config.Name)
			if info == nil || info.Leader == "" || len(info.Replicas)+1 < s.needs.Size() {
				return false
			}
			for _, peer := range info.Replicas {
				if !peer.Current || peer.Offline {
					return false
				}
			}
		}
		return true
	})
}

// cluster is what the broker says about the nodes of a stream; nil when it does
// not say, because there is no leader at the moment.
func (s *Stage) cluster(stream string) *jetstream.ClusterInfo {
	ctx, cancel := context.WithTimeout(s.ctx, 2*time.Second)
	defer cancel()
	found, err := s.Operator().JS.Stream(ctx, stream)
	if err != nil {
		return nil
	}
	return found.CachedInfo().Cluster
}
