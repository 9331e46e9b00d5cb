package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"
)

// live sets everything up, has Run do the work, and takes everything down in
// the opposite order. It returns when the end began: when the program was asked
// to stop, or Run returned. Everything has ended by one deadline, the
// shutdown timeout after that.
func (p Program) live(ctx context.Context, log zerolog.Logger) (told time.Time, err error) {
	settings := p.Options.settings()
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	l := newLink(log, settings.Broker)
	l.strict = true
	s := &Service{Name: p.Name, Log: log, Registry: registry, ShutdownTimeout: settings.ShutdownTimeout, HandlerTimeout: settings.HandlerTimeout, health: &health{}}
	s.ReadyWhen(l.ready)
	s.ReadyWhen(func() error {
		if ctx.Err() != nil {
			return errors.New("stopping")
		}
		return nil
	})
	deadline := func() time.Time { return told.Add(settings.ShutdownTimeout) }
	hangUp, err := serveHealth(ctx, log, settings.Listen, s.health.handler(registry))
	if err != nil {
		return told, err
	}
	defer func() { hangUp(deadline()) }()

	// The connection outlives ctx, for the work in progress. Before any work has begun
	// it does not, so that a signal need not wait for a dial.
	connection, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	outlive := context.AfterFunc(ctx, end)
	if err := l.connect(connection, p.Name); err != nil {
		return told, err
	}
	defer func() { l.close(deadline()) }()
	s.Conn = l.conn
	s.Instance, err = Announce(s.Conn, p.Name, s.currentCounts, s.problems.current)
	if !outlive() {
		return time.Now(), nil
	}
	if err != nil {
		return told, err
	}
	log.Info().Str("instance", s.Instance).Msg("running")
	return p.work(ctx, s, l)
}

// work has Run do the work, and waits for it, for a limited time.
func (p Program) work(ctx context.Context, s *Service, l *link) (told time.Time, err error) {
	running, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- p.Run(running, s) }()

	var reason error
	select {
	case err := <-done:
		return time.Now(), failure(ctx, err)
	case <-ctx.Done():
		s.Log.Info().Str("why", context.Cause(ctx).Error()).Stringer("timeout", s.ShutdownTimeout).Msg("stopping")
	case <-l.closed:
		// The connection is closed for good; a new process has a better chance.
		reason = l.reason
		s.Log.Error().Err(reason).Msg("stopping")
		stop()
	}
	told = time.Now()
	select {
	case err := <-done:
		if reason == nil {
			reason = failure(ctx, err)
		}
	case <-time.After(s.ShutdownTimeout):
		reason = errors.Join(reason, fmt.Errorf("graceful shutdown timed out after %v with work in progress", s.ShutdownTimeout))
	}
	return told, reason
}

// failure returns err, or nil if err only says that ctx ended.
func failure(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
