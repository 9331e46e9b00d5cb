package stage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/rs/zerolog"

	"decoupled.example/demo/deployment"
)

// Options are how a scenario is played.
type Options struct {
	Seed     uint64        // of all that is random in the scenario
	Requests int           // how many requests it takes; 0: as many as the scenario says
	Long     bool          // also judge what depends on the machine's speed
	Patience time.Duration // bounds every wait, with more for many requests and nodes; 0: a minute
	Teller   Reporter      // hears the story; nil: nobody
	Log      zerolog.Logger
}

// Reporter tells a scenario while it is played. It is called from several
// goroutines.
type Reporter interface {
	Step(text string)   // what is done now
	Saw(text string)    // what came of it
	Judged(check Check) // and what that means
	Sampled(s Sample)
}

// Stage is one scenario being played. It is for the scenario's goroutine; the
// methods that others may call say so.
type Stage struct {
	Random *rand.Rand // seeded

	ctx     context.Context
	kind    deployment.Kind
	needs   deployment.Needs
	options Options
	teller  Reporter
	result  *Result

	deployed deployment.Deployment
	watching *sampler
	settings deployment.Settings
	failed   error // why the scenario could not be played to its end
}

// Play plays a scenario on a new deployment of that kind, and closes it.
func Play(ctx context.Context, kind deployment.Kind, needs deployment.Needs, o Options, play func(s *Stage)) Result {
	begun := time.Now()
	s := &Stage{
		kind: kind, needs: needs, options: o, teller: o.Teller,
		Random: rand.New(rand.NewPCG(o.Seed, o.Seed)),
		result: &Result{On: kind.Name, Seed: o.Seed},
	}
	interrupted := ctx
	limit := waits * max(s.patience(), patience)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not played to its end within %v", limit))
	s.ctx = ctx
	if s.teller == nil {
		s.teller = silent{}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer s.close()
		defer cancel() // what the scenario has left running ends first
		s.deploy()
		play(s)
	}()
	<-ended
	if s.failed != nil && interrupted.Err() != nil {
		s.failed = ErrInterrupted // whatever came of that
	}
	s.result.conclude(s.failed, time.Since(begun))
	return *s.result
}

// ErrInterrupted is why a scenario was not played to its end.
var ErrInterrupted = errors.New("interrupted")

// deploy starts a deployment and watches it.
func (s *Stage) deploy() {
	d, err := s.kind.Start(s.ctx, s.needs, s.options.Log)
	s.must(s.ctx, err)
	s.deployed, s.settings = d, deployment.Settings{}
	s.watching = watch(d.Operator(), s.teller)
}

// close ends the deployment, if there is one.
func (s *Stage) close() {
	if s.deployed == nil {
		return
	}
	s.result.Depths = append(s.result.Depths, s.watching.stop()...)
	err := s.deployed.Close()
	s.deployed = nil
	if s.failed == nil && err != nil {
		s.failed = fmt.Errorf("cannot close the deployment: %w", err)
	}
}

// Fresh closes the deployment and starts another one, on which nothing has ever
// happened.
func (s *Stage) Fresh() {
	s.close()
	s.deploy()
}

// Must ends the scenario at an error: it cannot be played to its end.
func (s *Stage) Must(err error) {
	if err == nil {
		return
	}
	s.failed = errors.Join(s.failed, err)
	runtime.Goexit() // what is deferred still runs
}

// Context ends when the scenario is interrupted. Others may use it.
func (s *Stage) Context() context.Context { return s.ctx }

// Requests is how many requests to ask: those of the scenario, unless the
// options say otherwise.
func (s *Stage) Requests(usual int) int {
	if s.options.Requests > 0 {
		return s.options.Requests
	}
	return usual
}

// Long is true when also what depends on the machine's speed is to be judged.
func (s *Stage) Long() bool { return s.options.Long }

// Operator is the operator's connection. Others may use it.
func (s *Stage) Operator() deployment.Operator { return s.deployed.Operator() }

// silent hears nothing.
type silent struct{}

func (silent) Step(string)    {}
func (silent) Saw(string)     {}
func (silent) Judged(Check)   {}
func (silent) Sampled(Sample) {}
