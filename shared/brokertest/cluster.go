package brokertest

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// Cluster is three brokers in this process that replicate to each other.
type Cluster struct {
	t     testing.TB
	Nodes []*Broker
}

// StartCluster starts three brokers and returns when they have elected a
// leader that sees all of them, so that replicated streams can be made.
func StartCluster(t testing.TB, options ...Option) *Cluster {
	t.Helper()
	// Another program may have taken a port meanwhile.
	for range 5 {
		c := startCluster(t, options...)
		if c.listens() {
			c.WaitReady()
			return c
		}
		c.Stop()
	}
	require.FailNow(t, "the nodes found no free ports")
	return nil
}

func startCluster(t testing.TB, options ...Option) *Cluster {
	t.Helper()
	const size = 3
	var routes []*url.URL
	ports := make([]int, size)
	for i := range ports {
		ports[i] = freePort(t)
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", ports[i])})
	}
	c := &Cluster{t: t}
	for i, port := range ports {
		b := prepare(t, fmt.Sprintf("broker-%d", i+1), append(options, func(o *server.Options) {
			o.Cluster = server.ClusterOpts{Name: "brokertest", Host: "127.0.0.1", Port: port}
			o.Routes = routes
		})...)
		b.start()
		c.Nodes = append(c.Nodes, b)
	}
	return c
}

// listens reports whether all nodes got their ports. A server only
// logs that it did not, so it shows as one that does not get ready.
func (c *Cluster) listens() bool {
	for _, n := range c.Nodes {
		if !n.server.ReadyForConnections(patience / 6) {
			return false
		}
	}
	return true
}

// Stop stops all nodes.
func (c *Cluster) Stop() {
	for _, n := range c.Nodes {
		n.Stop()
	}
}

// WaitReady returns when every running node accepts clients and they have
// elected a leader whose group is current.
func (c *Cluster) WaitReady() {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		leaders, running := 0, 0
		for _, n := range c.Nodes {
			if !n.server.Running() {
				continue
			}
			running++
			if n.server.JetStreamIsLeader() {
				leaders++
			}
			if !n.server.ReadyForConnections(time.Millisecond) || !n.server.JetStreamIsCurrent() || len(n.server.JetStreamClusterPeers()) != len(c.Nodes) && n.server.JetStreamIsLeader() {
				return false
			}
		}
		return leaders == 1 && running*2 > len(c.Nodes)
	}, patience, 20*time.Millisecond, "the cluster did not form")
}

// Connect returns a connection to any of the nodes.
func (c *Cluster) Connect(options ...nats.Option) *nats.Conn {
	c.t.Helper()
	return connect(c.t, c.URL(), options...)
}

// URL lists all nodes.
func (c *Cluster) URL() string {
	urls := make([]string, len(c.Nodes))
	for i, n := range c.Nodes {
		urls[i] = n.URL()
	}
	return strings.Join(urls, ",")
}

// StreamLeader is the node that leads a stream now.
func (c *Cluster) StreamLeader(stream string) *Broker {
	c.t.Helper()
	var leader *Broker
	require.Eventually(c.t, func() bool {
		for _, n := range c.Nodes {
			if n.server.Running() && n.server.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream) {
				leader = n
				return true
			}
		}
		return false
	}, patience, 20*time.Millisecond, "stream %s has no leader", stream)
	return leader
}
