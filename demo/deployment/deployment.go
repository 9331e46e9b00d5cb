package deployment

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"decoupled.example/shared/topology"
)

// ErrUnsupported is the error for an operation that a kind of deployment cannot do. A
// scenario that needs the operation is skipped there.
var ErrUnsupported = errors.New("not possible on this kind of deployment")

// Deployment is both services on a broker, freshly set up: no replica, no
// message, empty ledgers. A service is named as package topology names it.
//
// It is for one goroutine, but for Operator and Connect. Its methods return when
// ctx ends; Close always does all it can.
type Deployment interface {
	// Operator is how the console reaches the broker. It is always the same,
	// and stays connected while the broker comes and goes.
	Operator() Operator

	// Connect returns a new connection for a replica that the scenario itself
	// plays. By the name of a service it has that service's rights, by any other
	// the operator's. It is the caller's to close.
	Connect(ctx context.Context, name string) (*nats.Conn, error)

	// Configure sets the settings of both services, for replicas that are started
	// from now on. Those that run keep theirs, except on kinds that replace them
	// (Kubernetes).
	Configure(ctx context.Context, s Settings) error

	// Scale starts or stops replicas of a service until there are n. Those that
	// stop do it in order, and have ended when it returns; those that start may
	// not yet be at work.
	Scale(ctx context.Context, service string, n int) error

	// Kill ends the newest replica of a service without a warning, with work in
	// progress. The kind decides whether another one takes its place; Scale makes
	// sure of it.
	Kill(ctx context.Context, service string) error

	// StopBroker shuts a node of the broker down in order, KillBroker without a
	// warning. Both keep its data and return when it has ended. The node is
	// named as the broker names it, in a stream's information; empty is the
	// only one.
	StopBroker(ctx context.Context, node string) error
	KillBroker(ctx context.Context, node string) error

	// StartBroker starts a stopped or killed node with its data, where it was,
	// and returns when it accepts clients.
	StartBroker(ctx context.Context, node string) error

	// Close ends everything and removes what the deployment has made.
	Close() error
}

// Operator is the operator's connection, and what the console's library needs.
type Operator struct {
	Conn     *nats.Conn
	JS       jetstream.JetStream
	Topology *topology.Topology
}

// Kind is a way to deploy.
type Kind struct {
	Name  string
	About string // in a few words, for a list

	// Start deploys. It returns ErrUnsupported for needs that it cannot provide. When
	// it fails, or ctx ends, nothing is left behind.
	Start func(ctx context.Context, needs Needs, log zerolog.Logger) (Deployment, error)
}

// Needs are the requirements of a scenario for a deployment.
type Needs struct {
	Nodes    int               // of the broker: 1 (or 0, the same) or 3
	Topology topology.Settings // Replicas follows from Nodes
}

// Settings are those of the topology for these needs.
func (n Needs) Settings() topology.Settings {
	s := n.Topology
	s.Replicas = n.Size()
	return s
}

// Size is the number of nodes.
func (n Needs) Size() int { return max(1, n.Nodes) }
