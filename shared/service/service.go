package service

import (
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Service is what Program.Run gets to work with.
type Service struct {
	Name string
	// Instance is unique among all replicas of all services.
	Instance string
	Log      zerolog.Logger
	// Conn may be down at any time, also at the start. It is flushed and closed
	// after Run has returned.
	Conn *nats.Conn
	// Registry is what /metrics shows.
	Registry *prometheus.Registry
	// Grace is how long work in hand may take after the context of Run ended.
	Grace time.Duration

	health *health
	counts atomic.Pointer[func() map[string]int64]
}

// ReadyWhen makes /readyz depend on a check: an error means not ready, and is
// what /readyz says. Checks are called at each request, one after the other,
// and must be quick. That NATS is connected is checked already.
func (s *Service) ReadyWhen(check func() error) { s.health.add(check) }

// ReportCounts sets what this replica answers as the counts of its Status. The
// function is called for each answer, concurrently with everything else, and
// must be quick.
func (s *Service) ReportCounts(counts func() map[string]int64) { s.counts.Store(&counts) }

func (s *Service) currentCounts() map[string]int64 {
	if counts := s.counts.Load(); counts != nil {
		return (*counts)()
	}
	return map[string]int64{}
}
