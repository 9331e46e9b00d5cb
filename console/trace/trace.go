// Package trace tells one request's life from what the services have recorded
// about it. It looks up keys; it scans no queue.
package trace

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/letters"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

// ErrUnknown is the error for a request that nothing is recorded about.
var ErrUnknown = errors.New("nothing is recorded about this request")

// Step is one step that a request has passed.
type Step struct {
	Name  string        `json:"name"`  // the ledger's
	At    time.Time     `json:"at"`    // when the ledger stored it, by the broker's clock
	After time.Duration `json:"after"` // since the step before; 0 for the first
	Value string        `json:"value"` // what the ledger stored
}

// Trace is the life of a request.
type Trace struct {
	ID     string          `json:"id"`
	Steps  []Step          `json:"steps"` // in the order a request passes them; what is not recorded is left out
	Letter *letters.Letter `json:"letter,omitempty"`
	Where  string          `json:"where"` // where it is now, in words
}

// Request returns the life of a request. It fails with ErrUnknown when there is
// neither an entry nor a letter of it.
func Request(ctx context.Context, js jetstream.JetStream, t *topology.Topology, id string) (Trace, error) {
	trace := Trace{ID: id}
	if err := contract.ValidateID(id); err != nil {
		return trace, fmt.Errorf("cannot trace %.40q: %w", id, err)
	}
	dead, err := letters.Open(ctx, js) // first: where nothing is set up it says so
	if err != nil {
		return trace, fmt.Errorf("cannot trace %s: %w", id, err)
	}
	passed := make(map[string]bool)
	for _, name := range topology.LedgerNames {
		entries, err := t.Ledger(name).Get(ctx, id)
		if err != nil {
			return trace, fmt.Errorf("cannot trace %s: %w", id, err)
		}
		if len(entries) == 0 {
			continue
		}
		step := Step{Name: name, At: entries[0].Kept, Value: string(entries[0].Value)}
		if n := len(trace.Steps); n > 0 {
			step.After = step.At.Sub(trace.Steps[n-1].At)
		}
		passed[name] = true
		trace.Steps = append(trace.Steps, step)
	}
	letter, err := dead.Find(ctx, id)
	switch {
	case err == nil:
		trace.Letter = &letter
	case !errors.Is(err, letters.ErrNotFound):
		return trace, fmt.Errorf("cannot trace %s: %w", id, err)
	case len(trace.Steps) == 0:
		return trace, fmt.Errorf("cannot trace %s: %w", id, ErrUnknown)
	}
	trace.Where = where(passed, trace.Letter)
	return trace, nil
}

// where is told by the last step: what a service has recorded it publishes, or
// does the work again until it has.
func where(passed map[string]bool, letter *letters.Letter) string {
	switch {
	case passed[topology.Received]:
		return "finished"
	case letter != nil:
		return fmt.Sprintf("set aside from %s: %s", letter.Queue, letter.Reason)
	case passed[topology.Stored]:
		return "its receipt is in " + topology.Receipts + ", or in the requestor's hands"
	case passed[topology.Generated]:
		return "its response is in " + topology.Responses + ", or in the generator's hands"
	default:
		return "it is in " + topology.Requests
	}
}
