package requestor

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/queue"
	"decoupled.example/shared/service"
	"decoupled.example/shared/shutdown"
	"decoupled.example/shared/topology"
)

// Options are the settings of the requestor, as flags.
type Options struct {
	Rate  float64 `help:"Requests a second, fractions allowed. 0: ask for nothing, only store." default:"1" env:"RATE"`
	Count int     `help:"Stop asking after so many. 0: never." default:"0" env:"COUNT"`
}

// maxRate is more than any one broker takes.
const maxRate = 1e6

// Validate names the setting that is out of range.
func (o Options) Validate() error {
	switch {
	case !(o.Rate >= 0 && o.Rate <= maxRate): // so that NaN is out of range too
		return fmt.Errorf("--rate must be from 0 to %.0f a second, not %v", maxRate, o.Rate)
	case o.Count < 0:
		return fmt.Errorf("--count must not be negative, it is %d", o.Count)
	}
	return nil
}

// Requestor asks, and stores what is answered, to it or to any other replica.
type Requestor struct {
	options  Options
	topology *topology.Topology
	stored   ledger.Typed[contract.Response]
	asker    *Asker
	log      zerolog.Logger
	asked    atomic.Int64
	asking   atomic.Int64 // 1 while it asks, or will
}

// New returns a requestor that works on the topology.
func New(t *topology.Topology, o Options, log zerolog.Logger) *Requestor {
	return &Requestor{
		options: o, topology: t,
		stored: ledger.Of(t.Ledger(topology.Stored), topology.Stored, contract.Responses),
		asker:  NewAsker(t), log: log,
	}
}

// Run works until ctx ends; then it finishes the work in progress and returns nil.
// After Options.Count requests it stops asking and continues to store. An error means
// that the connection was closed under it.
func (r *Requestor) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.topology.Responses.Consume(ctx, r.store) })
	group.Go(func() error { return r.ask(ctx) })
	return group.Wait()
}

// ask asks at the rate, until the count is reached or ctx ends.
func (r *Requestor) ask(ctx context.Context) error {
	if r.options.Rate == 0 {
		return nil
	}
	r.asking.Store(1)
	defer r.asking.Store(0)
	// When ctx ends, work in progress is finished within the shutdown timeout.
	work, cancel := shutdown.Delay(ctx, r.topology.ShutdownTimeout())
	defer cancel()
	// The burst lets a fast requestor ask in batches. It is also all that is
	// made up for after the queue was full.
	burst := max(1, int(r.options.Rate/10))
	limiter := rate.NewLimiter(rate.Limit(r.options.Rate), burst)
	limiter.AllowN(time.Now(), burst-1) // there is nothing to make up for yet
	for r.options.Count == 0 || r.asked.Load() < int64(r.options.Count) {
		if limiter.Wait(ctx) != nil {
			return nil // stopped
		}
		// Without a connection nothing is in progress, and a stop need not wait.
		if err := r.topology.AwaitConnection(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		n := 1
		for n < r.left() && limiter.Allow() {
			n++
		}
		asked, err := r.asker.Ask(work, n)
		r.asked.Add(int64(len(asked)))
		if err != nil {
			if ctx.Err() == nil {
				return err
			}
			r.log.Warn().Err(err).Msg("stopped while asking; what was under way may be answered nevertheless")
			return nil
		}
	}
	r.log.Info().Int64("asked", r.asked.Load()).Msg("asked all that was to be asked")
	return nil
}

// left is how many may be asked at once now.
func (r *Requestor) left() int {
	if r.options.Count == 0 {
		return maxAsk
	}
	return min(maxAsk, r.options.Count-int(r.asked.Load()))
}

// store stores the strings, and only then confirms that they are received. The
// first one stored wins, so a redelivered response changes nothing.
func (r *Requestor) store(ctx context.Context, responses []queue.Message[contract.Response]) error {
	values := make([]contract.Response, len(responses))
	for i, response := range responses {
		values[i] = response.Body
	}
	kept, mismatched, err := r.stored.PutIfAbsent(ctx, values...)
	if err != nil {
		return err
	}
	// Where the entry is not the response to its request, no string is stored, and
	// there is nothing to confirm.
	var (
		receipts []contract.Receipt
		failed   = make(queue.BatchError)
	)
	for i, response := range kept {
		if err := mismatched[i]; err != nil {
			failed[i] = queue.Reject(err)
			continue
		}
		receipts = append(receipts, contract.NewReceipt(response.ID, time.Now()))
	}
	err = r.topology.Receipts.Publish(ctx, receipts...)
	if len(failed) == 0 {
		return err
	}
	for i := range responses {
		if err != nil && failed[i] == nil {
			failed[i] = err
		}
	}
	return failed
}

// Counts are what this replica has done since it started.
func (r *Requestor) Counts() map[string]int64 {
	responses, receipts := r.topology.Responses.Counts(), r.topology.Receipts.Counts()
	return map[string]int64{
		"asked":         r.asked.Load(),
		"stored":        responses.Acknowledged,
		"published":     receipts.Published,
		"redelivered":   responses.Redelivered,
		"dead_lettered": responses.DeadLettered,

		service.CountAsking:   r.asking.Load(),
		service.CountInFlight: responses.InFlight,
	}
}
