package ports_test

import (
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/demo/ports"
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
