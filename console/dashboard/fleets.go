package dashboard

import "context"

// Fleets scales the services, where whoever serves the dashboard also runs them.
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
