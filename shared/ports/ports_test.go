package ports_test

import (
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/ports"
)

func TestFree(t *testing.T) {
	t.Parallel()
	free, err := ports.Free("127.0.0.1", 6)
	require.NoError(t, err)
	require.Len(t, free, 6)
	for _, port := range free { // all at once, so all are different
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		require.NoError(t, err)
		defer listener.Close()
	}
	_, err = ports.Free("192.0.2.1", 1) // an address for documentation: nobody has it
	require.ErrorContains(t, err, "192.0.2.1")
}

// Who has a port may not listen at it yet, or not at this moment.
func TestNoPortIsGivenTwice(t *testing.T) {
	t.Parallel()
	const callers, each = 20, 20
	all := make(chan []int, callers)
	for range callers {
		go func() {
			free, _ := ports.Free("127.0.0.1", each) // a failure is too few of them
			all <- free
		}()
	}
	seen := make(map[int]bool)
	for range callers {
		for _, port := range <-all {
			require.False(t, seen[port], port)
			seen[port] = true
		}
	}
	require.Len(t, seen, callers*each)
}
