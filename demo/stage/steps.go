package stage

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"

	"decoupled.example/demo/deployment"
	"decoupled.example/requestor"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

// Step tells what is done next.
func (s *Stage) Step(format string, args ...any) { s.teller.Step(fmt.Sprintf(format, args...)) }

// Saw tells what came of it. Others may call it.
func (s *Stage) Saw(format string, args ...any) { s.teller.Saw(fmt.Sprintf(format, args...)) }

// Configure changes settings of the services, for replicas that are started from
// now on.
func (s *Stage) Configure(change func(*deployment.Settings)) {
	change(&s.settings)
	s.Must(s.deployed.Configure(s.ctx, s.settings))
}

// Scale brings both services to that many replicas.
func (s *Stage) Scale(requestors, generators int) {
	s.ScaleRequestors(requestors)
	s.ScaleGenerators(generators)
}

// ScaleRequestors brings the requestor to n replicas.
func (s *Stage) ScaleRequestors(n int) { s.Must(s.deployed.Scale(s.ctx, topology.Requestor, n)) }

// ScaleGenerators brings the generator to n replicas.
func (s *Stage) ScaleGenerators(n int) { s.Must(s.deployed.Scale(s.ctx, topology.Generator, n)) }

// Kill ends a replica of a service without a warning.
func (s *Stage) Kill(service string) { s.Must(s.deployed.Kill(s.ctx, service)) }

// Ask asks for n strings as a requestor does, with its own code, and returns
// when all are confirmed and recorded.
func (s *Stage) Ask(n int) []contract.Request {
	ctx, cancel := s.patient("all is asked")
	defer cancel()
	asked, err := requestor.NewAsker(s.Operator().Topology).Ask(ctx, n)
	s.must(ctx, err)
	return asked
}

// AskMeanwhile asks for n strings in bursts while the scenario goes on. The
// function that it returns waits until all are asked.
func (s *Stage) AskMeanwhile(n, burst int) (wait func()) {
	asker := requestor.NewAsker(s.Operator().Topology)
	ctx, cancel := s.patient("all is asked meanwhile")
	ended := make(chan error, 1)
	go func() {
		defer cancel()
		ended <- askInBursts(ctx, asker, n, burst)
	}()
	return func() { s.must(ctx, <-ended) }
}

func askInBursts(ctx context.Context, asker *requestor.Asker, n, burst int) error {
	for asked := 0; asked < n; asked += burst {
		if _, err := asker.Ask(ctx, min(burst, n-asked)); err != nil {
			return err
		}
	}
	return nil
}

// Connect connects a program that the scenario itself plays, with the rights of
// the service of that name, or else of the operator.
func (s *Stage) Connect(name string) *nats.Conn {
	nc, err := s.deployed.Connect(s.ctx, name)
	s.Must(err)
	return nc
}
