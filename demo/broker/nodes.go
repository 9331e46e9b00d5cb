package broker

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"decoupled.example/shared/ports"
)

// Nodes returns the options of n nodes, named "node-1" and so on, with folders
// below dir and ports that were free a moment ago. More than one are a cluster.
func Nodes(dir string, n int) ([]Options, error) {
	all, err := ports.Free(host, 2*n)
	if err != nil {
		return nil, err
	}
	client, cluster := all[:n], all[n:]
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
