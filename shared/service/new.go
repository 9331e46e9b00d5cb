package service

import (
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// New returns a service over a connection of the caller's, announced as one
// replica until that is closed: for programs that run several in one process.
// Nothing is served over HTTP.
func New(name string, conn *nats.Conn, log zerolog.Logger, grace time.Duration) (*Service, error) {
	s := &Service{Name: name, Log: log, Conn: conn, Registry: prometheus.NewRegistry(), ShutdownTimeout: grace, health: &health{}}
	var err error
	s.Instance, err = Announce(conn, name, s.currentCounts, s.problems.current)
	return s, err
}
