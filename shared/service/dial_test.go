package service

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func listen(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func TestDialerHasOneSocketAtATime(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	d := newDialer(ctx)
	address := listen(t)

	first, err := d.Dial("tcp", address)
	require.NoError(t, err)
	second, err := d.Dial("tcp", address)
	require.NoError(t, err)
	_, err = first.Write([]byte("x"))
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = second.Write([]byte("x"))
	require.NoError(t, err)

	end()
	_, err = second.Read(make([]byte, 1)) // what hangs is freed
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = d.Dial("tcp", address)
	require.ErrorIs(t, err, context.Canceled)
}

func TestDialerKnowsWhyTheLastDialFailed(t *testing.T) {
	t.Parallel()
	d := newDialer(t.Context())
	_, err := d.Dial("tcp", "127.0.0.1:0")
	require.Error(t, err)
	require.Equal(t, err, d.failure())
	_, err = d.Dial("tcp", listen(t))
	require.NoError(t, err)
	require.NoError(t, d.failure())
}
