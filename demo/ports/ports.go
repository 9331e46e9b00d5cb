// Package ports chooses ports for servers that are stopped and started again
// where they were.
package ports

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// The range lies below the ports that systems give to outgoing connections: a
// client that tries to reach a stopped server might otherwise be given the very
// port that it is trying to reach, and keep it.
const (
	first = 20_000
	last  = 32_000
	tries = 1000
)

// Free returns n ports of that address that were free a moment ago, all
// different. It reserves nothing.
func Free(host string, n int) ([]int, error) {
	ports := make([]int, 0, n)
	var failed error
	for try := 0; try < tries && len(ports) < n; try++ {
		port := first + rand.IntN(last-first)
		listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			failed = err
			continue
		}
		defer listener.Close() // not before all are chosen
		ports = append(ports, port)
	}
	if len(ports) < n {
		return nil, fmt.Errorf("cannot find %d free ports: %w", n, failed)
	}
	return ports, nil
}
