package stage

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"decoupled.example/console/depth"
	"decoupled.example/console/drain"
	"decoupled.example/console/status"
	"decoupled.example/shared/service"
	"decoupled.example/shared/topology"
)

const (
	// patience is generous because a loaded machine is slow; only what fails
	// waits for it.
	patience   = 60 * time.Second
	perRequest = 25 * time.Millisecond
	// waits is how many waits of full length a scenario may take.
	waits     = 10
	lookEvery = 10 * time.Millisecond
)

func (s *Stage) patience() time.Duration {
	return cmp.Or(s.options.Patience, patience)*time.Duration(s.needs.Size()) + time.Duration(s.options.Requests)*perRequest
}

// patient returns a context that ends when what is waited for does not come.
func (s *Stage) patient(what string) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(s.ctx, s.patience(), fmt.Errorf("timed out after %v waiting until %s", s.patience(), what))
}

// must ends the scenario at an error. If ctx had ended, that says why.
func (s *Stage) must(ctx context.Context, err error) {
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	s.Must(err)
}

// Until waits for a condition. A condition that does not come to hold ends the
// scenario.
func (s *Stage) Until(what string, condition func() bool) {
	ctx, cancel := s.patient(what)
	defer cancel()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for !condition() {
		select {
		case <-look.C:
		case <-ctx.Done():
			s.must(ctx, ctx.Err())
		}
	}
}

// Drained waits until everything is finished.
func (s *Stage) Drained() {
	ctx, cancel := s.patient("all is finished")
	defer cancel()
	s.must(ctx, drain.Wait(ctx, s.Operator().JS, nil))
}

// Alive waits until exactly that many replicas of each service say so.
func (s *Stage) Alive(requestors, generators int) {
	s.Until(fmt.Sprintf("%d requestors and %d generators are alive", requestors, generators), func() bool {
		return len(s.answers(topology.Requestor)) == requestors && len(s.answers(topology.Generator)) == generators
	})
}

// Replicas is what the n replicas of a service say of themselves. It waits until
// all have answered.
func (s *Stage) Replicas(name string, n int) (replicas []service.Status) {
	s.Until(fmt.Sprintf("%d replicas of the %s answer", n, name), func() bool {
		replicas = s.answers(name)
		return len(replicas) == n
	})
	return replicas
}

// answers are what those replicas say that answer in time.
func (s *Stage) answers(name string) (replicas []service.Status) {
	ctx, cancel := s.patient("the replicas are asked")
	defer cancel()
	all, err := status.Replicas(ctx, s.Operator().Conn)
	s.must(ctx, err)
	for _, r := range all {
		if r.Service == name {
			replicas = append(replicas, r)
		}
	}
	return replicas
}

// Depths are the depths of the queues by name.
func (s *Stage) Depths() map[string]depth.Depth {
	ctx, cancel := s.patient("the depths are read")
	defer cancel()
	all, err := depth.Read(ctx, s.Operator().JS)
	s.must(ctx, err)
	byName := make(map[string]depth.Depth)
	for _, d := range all {
		byName[d.Queue] = d
	}
	return byName
}

// Depth is the number of unfinished messages of a queue.
func (s *Stage) Depth(queue string) int { return int(s.Depths()[queue].Messages) }

// WaitDepth waits until a queue has that many unfinished messages.
func (s *Stage) WaitDepth(queue string, n int) {
	s.Until(fmt.Sprintf("%s holds %d messages", queue, n), func() bool { return s.Depth(queue) == n })
}

// Redelivered is how many deliveries were not a message's first, of all queues.
func (s *Stage) Redelivered() (n int) {
	for _, d := range s.Depths() {
		n += int(d.Repeated)
	}
	return n
}

// Count is the number of entries of a ledger.
func (s *Stage) Count(ledger string) int {
	ctx, cancel := s.patient("ledger " + ledger + " is counted")
	defer cancel()
	n, err := s.Operator().Topology.Ledger(ledger).Count(ctx)
	s.must(ctx, err)
	return int(n)
}

// Entries calls visit for each entry of a ledger, the oldest first.
func (s *Stage) Entries(ledger string, visit func(id string, value []byte, kept time.Time)) {
	ctx, cancel := s.patient("ledger " + ledger + " is read")
	defer cancel()
	for e, err := range s.Operator().Topology.Ledger(ledger).All(ctx) {
		s.must(ctx, err)
		visit(e.ID, e.Value, e.Stored)
	}
}

// Pulling waits until that many replicas ask the broker for what is in a queue.
func (s *Stage) Pulling(queue string, replicas int) {
	s.Until(fmt.Sprintf("%d replicas ask for what is in %s", replicas, queue), func() bool {
		c, err := s.Operator().JS.Consumer(s.ctx, queue, topology.ConsumerOf(queue))
		s.Must(err)
		return c.CachedInfo().NumWaiting >= 2*replicas // each has two batches in flight
	})
}

// Wait lets time pass, because the scenario is about time: for anything else
// there is Until.
func (s *Stage) Wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.ctx.Done():
		s.Must(s.ctx.Err())
	}
}
