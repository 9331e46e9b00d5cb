package stage

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"decoupled.example/console/depth"
	"decoupled.example/demo/deployment"
	"decoupled.example/requestor"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

// Step reports the next step.
func (s *Stage) Step(format string, args ...any) { s.teller.Step(fmt.Sprintf(format, args...)) }

// Report reports what was observed. It may be called concurrently.
func (s *Stage) Report(format string, args ...any) { s.teller.Saw(fmt.Sprintf(format, args...)) }

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

// Load asks for strings in bursts while the scenario goes on, with at most ten
// bursts waiting in REQUESTS. It asks until stop is called, so that a deployment
// that needs seconds to stop or start something does so under load. stop waits
// until everything is asked, and returns how many requests that are.
func (s *Stage) Load(burst int) (stop func() (asked int)) {
	operator := s.Operator()
	asker := requestor.NewAsker(operator.Topology)
	enough := make(chan struct{})
	asked, ended := 0, make(chan error, 1)
	ctx, cancel := context.WithCancel(s.ctx)
	go func() {
		ended <- func() error {
			look := time.NewTicker(lookEvery)
			defer look.Stop()
			for {
				depths, err := depth.Read(ctx, operator.JS)
				if err != nil {
					return err
				}
				if depths[0].Messages < uint64(10*burst) {
					requests, err := asker.Ask(ctx, burst)
					if err != nil {
						return err
					}
					asked += len(requests)
				}
				select {
				case <-enough:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				case <-look.C:
				}
			}
		}()
	}()
	return func() int {
		waiting, done := s.patient("the load is asked")
		defer done()
		defer context.AfterFunc(waiting, cancel)()
		close(enough)
		s.must(waiting, <-ended)
		cancel()
		return asked
	}
}

// Connect connects a program that the scenario itself plays, with the rights of
// the service of that name, or else of the operator.
func (s *Stage) Connect(name string) *nats.Conn {
	nc, err := s.deployed.Connect(s.ctx, name)
	s.Must(err)
	return nc
}
