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

	"decoupled.example/shared/service"
	"decoupled.example/shared/stdio"
	"decoupled.example/shared/topology"
)

// lookEvery is how often the session looks after its connection and its deadline.
const lookEvery = 50 * time.Millisecond

// session is what a command works with.
//
// Its context ends when nothing has succeeded for as long as --wait says, whether the
// broker is unreachable, silent, or refuses all the time: no command waits without end. The
// cause says why. A command that may take longer in all reports each success with
// alive; one that has a deadline of its own calls unbounded.
type session struct {
	signal   context.Context // ends when the user ends the command
	ctx      context.Context
	end      context.CancelCauseFunc
	conn     *nats.Conn
	js       jetstream.JetStream
	topology *topology.Topology
	wait     time.Duration
	success  atomic.Pointer[success] // the last one; nil: the next may take any time
	url      string
	err      io.Writer
	printer
}

// open returns a session once the connection is there; at once, if the broker may
// be unreachable forever.
func open(ctx context.Context, c cli, forever bool, stdout *stdio.Output, stderr io.Writer) (*session, error) {
	s := &session{signal: ctx, wait: c.Wait, url: c.URL, err: stderr, printer: printer{out: stdout, json: c.JSON}}
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
	if s.topology, err = topology.Open(s.conn, service.Slog(log), topology.Options{}); err != nil {
		s.close()
		return nil, err
	}
	if !forever {
		s.alive(0)
	}
	connected := make(chan struct{})
	go s.watch(connected)
	if forever {
		return s, nil
	}
	select {
	case <-connected:
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

// success is the time of a success.
type success struct {
	next  time.Time // when the next one must have come
	heard uint64    // messages from the broker until then
}

// alive reports that something has succeeded. The next success may take as long as
// --wait says, and longer by pause, during which the command itself waits.
func (s *session) alive(pause time.Duration) {
	s.success.Store(&success{time.Now().Add(s.wait + pause), s.conn.Stats().InMsgs})
}

// unbounded lets the session last until its command ends it.
func (s *session) unbounded() { s.success.Store(nil) }

// watch closes connected when the connection is there, and ends the session when
// nothing has succeeded for too long, or the broker is too old.
func (s *session) watch(connected chan<- struct{}) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		last := s.success.Load()
		late := last != nil && time.Now().After(last.next)
		tooOld := service.CheckBroker(s.conn)
		switch {
		case tooOld != nil: // also the one that another was replaced by
			s.end(tooOld)
			return
		case connected != nil && s.conn.IsConnected():
			if last != nil {
				s.alive(0)
			}
			close(connected)
			connected = nil
		case late && !s.conn.IsConnected():
			s.end(fmt.Errorf("cannot reach the broker at %s for %v: %w", s.url, s.wait, lastError(s.conn)))
			return
		case late && s.conn.Stats().InMsgs == last.heard:
			s.end(fmt.Errorf("the broker at %s does not answer for %v", s.url, s.wait))
			return
		case late:
			s.end(fmt.Errorf("no success with the broker at %s for %v (--wait)", s.url, s.wait))
			return
		}
		select {
		case <-look.C:
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

// interrupted reports whether the user, or a signal, has ended the command.
func (s *session) interrupted() bool { return s.signal.Err() != nil }

// failure returns why a command failed: not only that the context ended, but why.
func (s *session) failure(err error) error {
	switch {
	case err == nil || s.ctx.Err() == nil || errors.Is(err, errCheckFailed):
		return err
	case s.interrupted():
		return fmt.Errorf("interrupted: %w", err)
	case errors.Is(err, context.Cause(s.ctx)): // it says so
		return err
	}
	return fmt.Errorf("%w: %w", context.Cause(s.ctx), err)
}
