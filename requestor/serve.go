package requestor

import (
	"context"

	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

// Serve is the whole service: one replica, until ctx ends.
func Serve(ctx context.Context, s *service.Service, o Options) error {
	t, err := topology.Open(s.Conn, service.Slog(s.Log), topology.Options{ShutdownTimeout: s.ShutdownTimeout, HandlerTimeout: s.HandlerTimeout})
	if err != nil {
		return err
	}
	r := New(t, o, s.Log)
	s.Registry.MustRegister(t.Requests, t.Responses, t.Receipts)
	s.LiveWhen(t.Live)
	s.ReportProblems(t.Problems)
	s.ReportCounts(r.Counts)
	return r.Run(ctx)
}
