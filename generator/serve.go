package generator

import (
	"context"
	"fmt"

	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

// Serve is the whole service: one replica, until ctx ends.
func Serve(ctx context.Context, s *service.Service, o Options) error {
	if s.HandlerTimeout > 0 && o.Work >= s.HandlerTimeout {
		return fmt.Errorf("--work (%s) must be less than --handler-timeout (%s), or each attempt times out", o.Work, s.HandlerTimeout)
	}
	t, err := topology.Open(s.Conn, service.Slog(s.Log), topology.Options{ShutdownTimeout: s.ShutdownTimeout, HandlerTimeout: s.HandlerTimeout})
	if err != nil {
		return err
	}
	g := New(t, Random(o))
	s.Registry.MustRegister(t.Requests, t.Responses, t.Receipts)
	s.LiveWhen(t.Live)
	s.ReportProblems(t.Problems)
	s.ReportCounts(g.Counts)
	return g.Run(ctx)
}
