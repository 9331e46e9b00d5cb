package dashboard

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// DefaultAddress is where the dashboard listens by default: only this
// machine can reach it.
const DefaultAddress = "127.0.0.1:8080"

// Listen listens at an address like 127.0.0.1:8080. If its port is taken and
// orFree is true, it listens on a free one.
func Listen(address string, orFree bool) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if orFree && errors.Is(err, syscall.EADDRINUSE) {
		host, _, _ := net.SplitHostPort(address) // it was one to listen at
		listener, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
	}
	if err != nil {
		return nil, fmt.Errorf("cannot serve the dashboard: %w", err)
	}
	return listener, nil
}

// Warning says what it means to listen there; nothing where only this machine
// can reach it.
func Warning(address net.Addr, readOnly bool) string {
	switch {
	case isLoopback(address):
		return ""
	case readOnly:
		return "Anyone who can reach the dashboard at " + address.String() + " sees every message that is shown: it has no login."
	}
	return "Anyone who can reach the dashboard at " + address.String() + " may send, pause, redrive and discard: it has no login. --read-only disables the actions."
}

func isLoopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
