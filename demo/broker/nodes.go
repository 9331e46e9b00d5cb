package broker

import (
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"time"
)

// Ports for nodes that are stopped and started again where they were. They lie
// below those that systems give to outgoing connections: a client that tries to
// reach a stopped node might otherwise be given the very port that it is trying
// to reach, and keep it.
const (
	firstPort = 20_000
	lastPort  = 32_000
	tries     = 1000
)

// Nodes returns the options of n nodes, named "node-1" and so on, with folders
// below dir and ports that were free a moment ago. More than one are a cluster.
func Nodes(dir string, n int) ([]Options, error) {
	ports, err := freePorts(2 * n)
	if err != nil {
		return nil, fmt.Errorf("cannot choose the ports of %d nodes: %w", n, err)
	}
	client, cluster := ports[:n], ports[n:]
	nodes := make([]Options, n)
	for i := range nodes {
		name := fmt.Sprintf("node-%d", i+1)
		nodes[i] = Options{Name: name, Port: client[i], Dir: filepath.Join(dir, name), Sync: time.Second}
		if n > 1 {
			nodes[i].Cluster = &Cluster{Port: cluster[i], Ports: cluster}
		}
	}
	return nodes, nil
}

// URL lists all nodes, for clients.
func URL(nodes []Options) string {
	urls := make([]string, len(nodes))
	for i, node := range nodes {
		urls[i] = "nats://" + address(node.Port)
	}
	return strings.Join(urls, ",")
}

func freePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	var failed error
	for range tries {
		if len(ports) == n {
			return ports, nil
		}
		port := firstPort + rand.IntN(lastPort-firstPort)
		listener, err := net.Listen("tcp", address(port))
		if err != nil {
			failed = err
			continue
		}
		defer listener.Close() // not before all are chosen
		ports = append(ports, port)
	}
	return nil, failed
}

// Find returns the options of the node of that name; the empty one is that of
// the only node.
func Find(nodes []Options, name string) (Options, error) {
	for _, node := range nodes {
		if node.Name == name || name == "" && len(nodes) == 1 {
			return node, nil
		}
	}
	return Options{}, fmt.Errorf("there is no node %q", name)
}
