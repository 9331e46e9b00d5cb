package service

import (
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Service is the environment of Program.Run.
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
	// ShutdownTimeout is the longest time from the end of Run's context until Run must
	// have returned. Waits should end earlier, so that there is time to return messages
	// and to flush.
	ShutdownTimeout time.Duration
	// HandlerTimeout is how long the handler of a queue may take; 0 is the
	// queue's default.
	HandlerTimeout time.Duration

	health   *health
	counts   atomic.Pointer[func() map[string]int64]
	problems problems
}

// ReadyWhen makes /readyz depend on check: an error means that this replica is
// not ready, and is the answer of /readyz. Checks are called at each request, one
// after the other, and must return quickly. The connection to NATS is checked
// already.
func (s *Service) ReadyWhen(check func() error) { s.health.ready.add(check) }

// LiveWhen makes /livez depend on check: an error means that only a restart can
// help this replica, and is the answer of /livez. Checks are called at each
// request, one after the other, and must return quickly. A broker outage must not
// fail one.
func (s *Service) LiveWhen(check func() error) { s.health.live.add(check) }

// ReportCounts sets what this replica answers as the counts of its Status. The
// function is called for each answer, concurrently with everything else, and
// must return quickly.
func (s *Service) ReportCounts(counts func() map[string]int64) { s.counts.Store(&counts) }

// ReportProblems adds a source of the problems of this replica's Status: what
// prevents it from working normally now, one line each, such as
// "REQUESTS: backing off for 5s after \"connection refused\"". The function is
// called for each answer, concurrently with everything else, and must return
// quickly. Lines are cut where they get long, and left out where they get many.
func (s *Service) ReportProblems(problems func() []string) { s.problems.add(problems) }

func (s *Service) currentCounts() map[string]int64 {
	if counts := s.counts.Load(); counts != nil {
		return (*counts)()
	}
	return map[string]int64{}
}
