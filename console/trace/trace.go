// Package trace shows the life of one request from the ledgers of the services. It looks up
// keys and scans no queue.
package trace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/deadletter"
	"decoupled.example/console/drain"
	"decoupled.example/console/internal/ask"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

// ErrUnknown is the error for a request without any record.
var ErrUnknown = errors.New("nothing is recorded about this request")

// Step is one step that a request has passed.
type Step struct {
	Name  string        `json:"name"`  // the ledger's
	At    time.Time     `json:"at"`    // when the ledger stored it, by the broker's clock
	After time.Duration `json:"after"` // since the step before; 0 for the first, and where that was recorded late, as asked may be
	Value string        `json:"value"` // what the ledger stored
	// Mismatched is the ID that the value bears, where it is not the request's.
	Mismatched string `json:"mismatched,omitempty"`
}

// Trace is the life of a request.
type Trace struct {
	ID         string              `json:"id"`
	Steps      []Step              `json:"steps"` // in the order a request passes them; what is not recorded is left out
	DeadLetter *deadletter.Message `json:"letter,omitempty"`
	Where      string              `json:"where"` // where it is now, in words
}

// Request returns the life of a request. It fails with ErrUnknown if the request has neither
// an entry nor a dead letter.
func Request(ctx context.Context, js jetstream.JetStream, t *topology.Topology, id string) (Trace, error) {
	if err := contract.ValidateID(id); err != nil {
		return Trace{ID: id}, fmt.Errorf("cannot trace %.40q: %w", id, err)
	}
	trace := Trace{ID: id}
	err := ask.WhileAllowed(ctx, js.Conn(), func(ctx context.Context) error {
		r, err := newReader(ctx, js, t)
		if err == nil {
			trace, err = r.trace(ctx, id)
		}
		return err
	})
	if err != nil {
		return trace, fmt.Errorf("cannot trace %s: %w", id, err)
	}
	return trace, nil
}

// reader reads what is recorded about requests.
type reader struct {
	topology *topology.Topology
	dead     *deadletter.Queue
	settled  func(ctx context.Context, look func(ctx context.Context) error) (bool, error)
}

func newReader(ctx context.Context, js jetstream.JetStream, t *topology.Topology) (*reader, error) {
	dead, err := deadletter.Open(ctx, js)
	if err != nil {
		return nil, err
	}
	for _, name := range topology.LedgerNames {
		if err := ask.Present(ctx, js, "KV_"+name); err != nil {
			return nil, err
		}
	}
	return &reader{topology: t, dead: dead, settled: func(ctx context.Context, look func(ctx context.Context) error) (bool, error) {
		return drain.Conclusive(ctx, js, look)
	}}, nil
}

// trace reads an unfinished request twice, to know whether it is lost.
func (r *reader) trace(ctx context.Context, id string) (Trace, error) {
	trace, err := r.read(ctx, id)
	if err != nil || trace.judged() {
		return trace, err
	}
	settled, err := r.settled(ctx, func(ctx context.Context) (err error) {
		trace, err = r.read(ctx, id)
		return err
	})
	if err == nil && settled && !trace.judged() {
		trace.Where = "lost: it is not finished, no queue holds it, and it has no dead letter"
	}
	return trace, err
}

func (r *reader) read(ctx context.Context, id string) (Trace, error) {
	trace := Trace{ID: id}
	for _, name := range topology.LedgerNames {
		entries, err := r.topology.Ledger(name).Get(ctx, id)
		if err != nil {
			return trace, err
		}
		if len(entries) == 0 {
			continue
		}
		step := Step{Name: name, At: entries[0].Stored, Value: string(entries[0].Value)}
		if found := contract.IDOf(entries[0].Value); found != id {
			step.Mismatched = found
		}
		if n := len(trace.Steps); n > 0 {
			step.After = max(0, step.At.Sub(trace.Steps[n-1].At))
		}
		trace.Steps = append(trace.Steps, step)
	}
	letter, err := r.dead.Find(ctx, id)
	switch {
	case err == nil:
		trace.DeadLetter = &letter
	case !errors.Is(err, deadletter.ErrNotFound):
		return trace, err
	case len(trace.Steps) == 0:
		return trace, ErrUnknown
	}
	trace.Where = trace.where()
	return trace, nil
}

func (t Trace) passed(ledger string) bool {
	return slices.ContainsFunc(t.Steps, func(s Step) bool { return s.Name == ledger })
}

func (t Trace) finished() bool { return t.passed(topology.Received) }

// mismatched returns the first step whose value is another request's, or nil.
func (t Trace) mismatched() *Step {
	for i := range t.Steps {
		if t.Steps[i].Mismatched != "" {
			return &t.Steps[i]
		}
	}
	return nil
}

// judged reports whether the place of the request is certain without reading more.
func (t Trace) judged() bool { return t.finished() || t.DeadLetter != nil || t.mismatched() != nil }

// where follows from the last step: what a service has recorded it publishes, or
// does the work again until it has.
func (t Trace) where() string {
	switch wrong := t.mismatched(); {
	case wrong != nil:
		return fmt.Sprintf("mismatched: what ledger %s holds bears the ID of another request, %s", wrong.Name, wrong.Mismatched)
	case t.finished():
		return "finished"
	case t.DeadLetter != nil:
		return fmt.Sprintf("dead-lettered from %s: %s", t.DeadLetter.Queue, t.DeadLetter.Reason)
	case t.passed(topology.Stored):
		return "its receipt is in " + topology.Receipts + ", or in the requestor's hands"
	case t.passed(topology.Generated):
		return "its response is in " + topology.Responses + ", or in the generator's hands"
	default:
		return "it is in " + topology.Requests
	}
}
