// Package ports chooses ports for servers that are stopped and started again
// where they were.
package ports

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// The range lies below the ports that systems give to outgoing connections. Otherwise a
// client that dials a stopped server could be given the server's own port, and occupy
// it.
const (
	first = 20_000
	last  = 32_000
	tries = 1000
)

// given are the ports that were returned in this process. None is returned again: its
// server may not have started yet, or may be stopped for a while.
var (
	mu    sync.Mutex
	given = make(map[int]bool)
)

// Free returns n ports of that address that were free a moment ago, and that it
// has never returned before. It does not keep other programs away from them. It
// may be used concurrently.
func Free(host string, n int) ([]int, error) {
	mu.Lock()
	defer mu.Unlock()
	ports := make([]int, 0, n)
	failed := errors.New("all were given before")
	for try := 0; try < tries && len(ports) < n; try++ {
		port := first + rand.IntN(last-first)
		if given[port] { // not even tried: its server might want it now
			continue
		}
		listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			failed = err
			continue
		}
		defer listener.Close() // not before all are chosen
		given[port] = true
		ports = append(ports, port)
	}
	if len(ports) < n {
		return nil, fmt.Errorf("cannot find %d free ports: %w", n, failed)
	}
	return ports, nil
}
