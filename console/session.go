package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/depth"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

const (
	// lookEvery is how often the connection is looked after.
	lookEvery = 50 * time.Millisecond
	// listenEvery is how often the broker is asked whether it still answers.
	listenEvery = time.Second
)

// session is what a command works with.
//
// Its context ends when the broker has been away, or silent, for too long: then
// nothing that waits for the broker waits for ever, and the cause says why.
type session struct {
	signal   context.Context // ends when a person ends the command
	ctx      context.Context
	end      context.CancelCauseFunc
	conn     *nats.Conn
	js       jetstream.JetStream
	topology *topology.Topology
	wait     time.Duration
	forever  atomic.Bool // the broker may be away for any time
	url      string
	err      io.Writer
	printer
}

// open returns a session once the connection is there; at once, if the broker may
// be away for ever.
func open(ctx context.Context, c cli, forever bool, stdout, stderr io.Writer) (*session, error) {
	s := &session{signal: ctx, wait: c.Wait, url: c.URL, err: stderr, printer: printer{out: stdout, json: c.JSON}}
	s.forever.Store(forever)
	s.ctx, s.end = context.WithCancelCause(ctx)
	log := service.NewLog(stderr, service.Logging{Level: "warn", Format: "console"}, "console")
	var err error
	if s.conn, err = service.Connect(context.WithoutCancel(ctx), log, c.Broker, cmp.Or(c.User, "operator")); err != nil {
		return nil, err
	}
	if s.js, err = jetstream.New(s.conn); err != nil {
		s.close()
		return nil, fmt.Errorf("cannot use JetStream: %w", err)
	}
	if s.topology, err = topology.Open(s.conn, log, 0); err != nil {
		s.close()
		return nil, err
	}
	connected := make(chan struct{})
	go s.watch(connected)
	if forever {
		return s, nil
	}
	select {
	case <-connected:
		go s.listen()
		return s, nil
	case <-s.ctx.Done():
		err := context.Cause(s.ctx)
		s.close()
		return nil, err
	}
}

func (s *session) close() {
	s.end(nil)
	s.conn.Close()
}

// watch ends the session when the broker has been away for too long.
func (s *session) watch(connected chan<- struct{}) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	seen := time.Now() // the connection, last
	for {
		switch {
		case s.conn.IsConnected():
			seen = time.Now()
			if connected != nil {
				close(connected)
				connected = nil
			}
		case time.Since(seen) > s.wait && !s.forever.Load():
			s.end(fmt.Errorf("cannot reach the broker at %s for %v: %w", s.url, s.wait, lastError(s.conn)))
			return
		}
		select {
		case <-look.C:
		case <-s.ctx.Done():
			return
		}
	}
}

// listen ends the session when the broker is there and does not answer for too
// long, as one that is frozen, or has no quorum. Whether a command is answered
// does not show: the packages that it uses ask again and again.
func (s *session) listen() {
	for !s.forever.Load() {
		ctx, cancel := context.WithTimeout(s.ctx, s.wait)
		_, err := depth.Read(ctx, s.js) // of streams and consumers: a node that is alone answers for some
		cancel()
		switch {
		case errors.Is(err, nats.ErrPermissionViolation): // then others show what it does
			return
		case errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, nats.ErrDisconnected) && !s.forever.Load():
			s.end(fmt.Errorf("the broker at %s does not answer for %v", s.url, s.wait))
			return
		}
		select {
		case <-time.After(listenEvery):
		case <-s.ctx.Done():
			return
		}
	}
}

func lastError(conn *nats.Conn) error {
	if err := conn.LastError(); err != nil {
		return err
	}
	return nats.ErrNoServers
}

// interrupted is true when a person, or a signal, has ended the command.
func (s *session) interrupted() bool { return s.signal.Err() != nil }

// failure is why a command failed: not only that the context ended, but why.
func (s *session) failure(err error) error {
	switch {
	case err == nil || s.ctx.Err() == nil || errors.Is(err, errCheckFailed):
		return err
	case s.interrupted():
		return fmt.Errorf("interrupted: %w", err)
	}
	return fmt.Errorf("%w: %w", context.Cause(s.ctx), err)
}
