package service

import (
	"context"
	"errors"
	"net"
	"sync"
)

// dialer makes the sockets of one connection, one after the other. It is a
// nats.CustomDialer for three reasons.
//
// While nats.go dials, shakes hands or writes, it holds the lock that most of
// its methods need, Close among them. All of that ends at once when ctx does,
// also a name server that does not answer, or a broker that hangs.
//
// nats.go leaves the socket of a refused login open until the garbage collector
// finds it. Here a new socket closes the one before.
//
// It also reports why there is no socket, without that lock.
type dialer struct {
	ctx context.Context // Dial has no parameter for it

	mu     sync.Mutex
	socket net.Conn
	err    error
}

var errNoAnswer = errors.New("no answer yet")

func newDialer(ctx context.Context) *dialer {
	d := &dialer{ctx: ctx}
	context.AfterFunc(ctx, d.hangUp)
	return d
}

// Dial is called by nats.go, never concurrently.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	d.hangUp()
	d.set(nil, errNoAnswer)
	direct := net.Dialer{Timeout: attemptWithin}
	socket, err := direct.DialContext(d.ctx, network, address)
	d.set(socket, err)
	if d.ctx.Err() != nil {
		d.hangUp() // ctx ended between the two
	}
	return socket, err
}

func (d *dialer) set(socket net.Conn, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.socket, d.err = socket, err
}

func (d *dialer) hangUp() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.socket != nil {
		_ = d.socket.Close() // most often it is closed already
	}
}

// failure returns why there is no socket; nil if there is one.
func (d *dialer) failure() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}
