package feed

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/internal/ask"
	"decoupled.example/shared/direct"
	"decoupled.example/shared/topology"
)

const (
	newest     = 16               // requests taken in a second
	atOnce     = 128              // followed and not finished
	forgetful  = 15 * time.Minute // after which one is followed no longer
	remembered = 2048             // finished ones that latencies are told from
)

// Request is one request and when it passed which step.
type Request struct {
	ID string
	// At is when each ledger stored it, in the order of topology.LedgerNames, by
	// the broker's clock; zero for a step that was not seen.
	At   [4]time.Time
	Dead bool // it had a dead letter when it was looked for last
}

// Finished is true when all steps were seen.
func (r Request) Finished() bool { return !slices.ContainsFunc(r.At[:], time.Time.IsZero) }

// requests follows some requests.
type requests struct {
	seen     uint64              // the last sequence of asked that was looked at
	newest   []*Request          // the newest first
	followed map[string]*Request // not finished
	finished []Request           // the oldest first
}

func ledgerSubject(ledger, id string) string { return "$KV." + ledger + "." + id }

// look takes the newest requests, and looks how far those have come that are not
// finished. Its argument is the broker's time.
func (r *requests) look(ctx context.Context, js jetstream.JetStream, asked jetstream.StreamState, now time.Time) error {
	if asked.LastSeq < r.seen || asked.FirstSeq > r.seen { // emptied, or made anew
		*r = requests{}
	}
	if asked.LastSeq > r.seen && asked.Msgs > 0 {
		if err := r.take(ctx, js, asked); err != nil {
			return err
		}
	}
	// The last step first: of what has passed it, the others are there then.
	for step := len(topology.LedgerNames) - 1; step > 0; step-- {
		if err := r.advance(ctx, js, step); err != nil {
			return err
		}
	}
	for id, request := range r.followed {
		switch {
		case request.Finished():
			r.finished = append(r.finished, *request)
			delete(r.followed, id)
		case now.Sub(request.At[0]) > forgetful:
			delete(r.followed, id)
		}
	}
	r.finished = r.finished[max(0, len(r.finished)-remembered):]
	return nil
}

// take notes the newest requests.
func (r *requests) take(ctx context.Context, js jetstream.JetStream, asked jetstream.StreamState) error {
	first := max(asked.FirstSeq, asked.LastSeq-min(asked.LastSeq, newest-1), 1)
	var entries []direct.Message
	err := ask.Once(ctx, js.Conn(), func(ctx context.Context) (err error) {
		entries, _, err = direct.From(ctx, js.Conn(), "KV_"+topology.Asked, first, newest)
		return err
	})
	if err != nil {
		return err
	}
	known := make(map[string]*Request, len(r.newest))
	for _, request := range r.newest {
		known[request.ID] = request
	}
	if r.followed == nil {
		r.followed = make(map[string]*Request)
	}
	r.newest = r.newest[:0:0]
	for _, e := range slices.Backward(entries) {
		id := strings.TrimPrefix(e.Subject, ledgerSubject(topology.Asked, ""))
		request := known[id]
		if request == nil {
			if request = r.followed[id]; request == nil {
				request = &Request{ID: id, At: [4]time.Time{e.Time}}
			}
			if len(r.followed) < atOnce {
				r.followed[id] = request
			}
		}
		r.newest = append(r.newest, request)
	}
	r.seen = asked.LastSeq
	return nil
}

// before returns the requests that were not seen at a step.
func (r *requests) before(step int) map[string]*Request {
	missing := make(map[string]*Request)
	for id, request := range r.followed {
		if request.At[step].IsZero() {
			missing[id] = request
		}
	}
	for _, request := range r.newest {
		if request.At[step].IsZero() {
			missing[request.ID] = request
		}
	}
	return missing
}

// advance looks which of the requests have come to a step.
func (r *requests) advance(ctx context.Context, js jetstream.JetStream, step int) error {
	missing := r.before(step)
	if len(missing) == 0 {
		return nil
	}
	ledger := topology.LedgerNames[step]
	subjects := make([]string, 0, len(missing))
	for id := range missing {
		subjects = append(subjects, ledgerSubject(ledger, id))
	}
	entries, err := lastOf(ctx, js, "KV_"+ledger, subjects)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if request := missing[strings.TrimPrefix(e.Subject, ledgerSubject(ledger, ""))]; request != nil {
			request.At[step] = e.Time
		}
	}
	return nil
}

// lastOf returns the last message of each of the subjects that has one.
func lastOf(ctx context.Context, js jetstream.JetStream, stream string, subjects []string) (found []direct.Message, err error) {
	err = ask.Once(ctx, js.Conn(), func(ctx context.Context) (err error) {
		found, err = direct.Last(ctx, js.Conn(), stream, subjects)
		return err
	})
	return found, err
}

// mark looks which of the requests that are not finished have a dead letter.
// These are followed no longer, as they may stay so for good.
func (r *requests) mark(ctx context.Context, js jetstream.JetStream, letters jetstream.StreamState) error {
	open := r.before(len(topology.LedgerNames) - 1)
	dead := make(map[string]bool)
	if len(open) > 0 && letters.Msgs > 0 {
		var subjects []string // one by one, as a wildcard may stand for any number
		for id := range open {
			for _, queue := range topology.QueueNames {
				subjects = append(subjects, deadSubject(queue, id))
			}
		}
		found, err := lastOf(ctx, js, topology.DeadLetters, subjects)
		if err != nil {
			return err
		}
		for _, letter := range found {
			dead[letter.Subject] = true
		}
	}
	for id, request := range open {
		request.Dead = slices.ContainsFunc(topology.QueueNames, func(queue string) bool { return dead[deadSubject(queue, id)] })
		if request.Dead {
			delete(r.followed, id)
		}
	}
	return nil
}

func deadSubject(queue, id string) string {
	return topology.SubjectDead + "." + queue + "." + id
}

// list returns the newest requests, to be kept.
func (r *requests) list() []Request {
	list := make([]Request, len(r.newest))
	for i, request := range r.newest {
		list[i] = *request
	}
	return list
}
