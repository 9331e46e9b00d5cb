package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"decoupled.example/shared/topology"
)

// maxReplicas is how many replicas of a service fit into one process.
const maxReplicas = 32

// Fleets scales the services, where the program that serves the dashboard also runs them.
// It may be called concurrently. The services' names are those of package
// topology.
type Fleets interface {
	// Replicas is how many replicas of a service there are.
	Replicas(service string) int
	// Scale starts or stops replicas until there are n.
	Scale(ctx context.Context, service string, n int) error
	// Kill ends one replica as a crash would.
	Kill(ctx context.Context, service string) error
}

func (s *Server) scale(ctx context.Context, r *http.Request) (string, error) {
	service, err := serviceOf(r)
	if err != nil {
		return "", err
	}
	by, err := strconv.Atoi(r.PostForm.Get("by"))
	if err != nil || (by != 1 && by != -1) {
		return "", fmt.Errorf("%w: by must be 1 or -1, not %.20q", errUsage, r.PostForm.Get("by"))
	}
	s.scaling.Lock() // each press of the button counts, however fast they come
	defer s.scaling.Unlock()
	if err := ctx.Err(); err != nil { // while it waited its turn
		return "", err
	}
	n := s.options.Fleets.Replicas(service) + by
	if n < 0 || (by > 0 && n > maxReplicas) { // it may have been started with more
		return "", fmt.Errorf("a %s has from 0 to %d replicas here", service, maxReplicas)
	}
	return fmt.Sprintf("%s: %d", service, n), s.options.Fleets.Scale(ctx, service, n)
}

func (s *Server) crash(ctx context.Context, r *http.Request) (string, error) {
	service, err := serviceOf(r)
	if err != nil {
		return "", err
	}
	return "a " + service + " was killed with messages in flight", s.options.Fleets.Kill(ctx, service)
}

func serviceOf(r *http.Request) (string, error) {
	switch service := r.PostForm.Get("service"); service {
	case topology.Requestor, topology.Generator:
		return service, nil
	default:
		return "", fmt.Errorf("%w: there is no service %.20q", errUsage, service)
	}
}
