package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/drain"
	"decoupled.example/console/letters"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/ledger"
	"decoupled.example/shared/topology"
)

const (
	// chunk is how many requests are judged together.
	chunk = 512
	// skew is how far the clocks of requestors and broker may differ.
	skew = time.Minute
)

// ResetMetadata is the metadata of a ledger's stream that says after which
// sequence its life began anew.
const ResetMetadata = "decoupled.reset"

// Run verifies the deployment, running or at rest. What is asked while it runs
// may or may not be part of the verdict. It fails only when something cannot be
// read; what is wrong with the messages is in the verdict.
func Run(ctx context.Context, js jetstream.JetStream, t *topology.Topology) (Verdict, error) {
	dead, err := letters.Open(ctx, js)
	if err != nil {
		return Verdict{}, err
	}
	v := &verifier{
		js: js, dead: dead,
		asked: t.Ledger(topology.Asked), generated: t.Ledger(topology.Generated),
		stored: t.Ledger(topology.Stored), received: t.Ledger(topology.Received),
	}
	for _, step := range []func(context.Context) error{v.count, v.walkAsked, v.walkGenerated, v.walkStored, v.walkReceived} {
		if err := step(ctx); err != nil {
			return v.verdict, fmt.Errorf("cannot verify: %w", err)
		}
	}
	return v.verdict, nil
}

type verifier struct {
	js                                 jetstream.JetStream
	dead                               *letters.Letters
	asked, generated, stored, received ledger.Ledger
	expired                            time.Time // what was asked before may be forgotten in part; zero: nothing is
	verdict                            Verdict
}

// count reads what is known of the ledgers without walking them.
func (v *verifier) count(ctx context.Context) (err error) {
	counts := []*uint64{&v.verdict.Asked, &v.verdict.Generated, &v.verdict.Stored, &v.verdict.Received}
	for i, name := range topology.LedgerNames {
		stream, err := v.js.Stream(ctx, "KV_"+name)
		if err != nil {
			return fmt.Errorf("cannot read ledger %s: %w", name, err)
		}
		info := stream.CachedInfo()
		*counts[i] = info.State.Msgs
		if n := written(info) - info.State.Msgs; n > 0 {
			v.verdict.Duplicated += n
			v.verdict.find(name, "duplicated: %d entries were written over", n)
		}
		if info.Config.MaxAge > 0 {
			v.expired = time.Now().Add(skew - info.Config.MaxAge)
		}
	}
	v.verdict.Letters, err = v.dead.Count(ctx)
	return err
}

// written is how many entries a ledger's stream has stored since its reset. In a
// set-once bucket that is how many it has; what has expired is not counted.
func written(info *jetstream.StreamInfo) uint64 {
	base, _ := strconv.ParseUint(info.Config.Metadata[ResetMetadata], 10, 64) // none: never reset
	if info.Config.MaxAge > 0 && info.State.FirstSeq > 0 {
		base = max(base, info.State.FirstSeq-1)
	}
	return max(info.State.LastSeq, base) - base
}

// walkAsked judges every request that was recorded as asked.
func (v *verifier) walkAsked(ctx context.Context) error {
	return v.walk(ctx, v.asked, func(ids []string) error {
		return v.judge(ctx, ids, "asked", &v.verdict.Complete)
	})
}

// walkGenerated judges what was generated for requests not recorded as asked.
func (v *verifier) walkGenerated(ctx context.Context) error {
	return v.walk(ctx, v.generated, func(ids []string) error {
		missing, err := v.missing(ctx, v.asked, ids)
		if err != nil {
			return err
		}
		return v.judge(ctx, missing, "generated", &v.verdict.Recovered)
	})
}

// walkStored finds strings that nobody generated.
func (v *verifier) walkStored(ctx context.Context) error {
	return v.walk(ctx, v.stored, func(ids []string) error {
		return v.unexpected(ctx, v.generated, ids, "stored, never generated")
	})
}

// walkReceived finds receipts for what nobody stored.
func (v *verifier) walkReceived(ctx context.Context) error {
	return v.walk(ctx, v.received, func(ids []string) error {
		return v.unexpected(ctx, v.stored, ids, "received, never stored")
	})
}

// unexpected finds those of ids that a ledger should have and has not. Its entry
// came first, so there is no race to lose.
func (v *verifier) unexpected(ctx context.Context, before ledger.Ledger, ids []string, what string) error {
	missing, err := v.missing(ctx, before, ids)
	for _, id := range missing {
		v.verdict.Unexpected++
		v.verdict.find(id, "unexpected: %s", what)
	}
	return err
}

// walk calls judge with the IDs of a ledger, chunk by chunk.
func (v *verifier) walk(ctx context.Context, l ledger.Ledger, judge func(ids []string) error) error {
	ids := make([]string, 0, chunk)
	for entry, err := range l.All(ctx) {
		if err != nil {
			return err
		}
		if v.isExpired(entry.ID) {
			if l == v.asked {
				v.verdict.Expired++
			}
			continue
		}
		if ids = append(ids, entry.ID); len(ids) == chunk {
			if err := judge(ids); err != nil {
				return err
			}
			ids = ids[:0]
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return judge(ids)
}

// isExpired says whether a ledger may have forgotten its part of the request.
// Its ID tells when it was made, and all its entries are younger.
func (v *verifier) isExpired(id string) bool {
	if v.expired.IsZero() {
		return false
	}
	parsed, err := uuid.Parse(id)
	if err != nil {
		return false
	}
	seconds, nanoseconds := parsed.Time().UnixTime()
	return time.Unix(seconds, nanoseconds).Before(v.expired)
}

// missing returns those of ids that a ledger does not have.
func (v *verifier) missing(ctx context.Context, l ledger.Ledger, ids []string) ([]string, error) {
	has, err := v.get(ctx, l, ids)
	var missing []string
	for _, id := range ids {
		if _, ok := has[id]; !ok {
			missing = append(missing, id)
		}
	}
	return missing, err
}

func (v *verifier) get(ctx context.Context, l ledger.Ledger, ids []string) (map[string][]byte, error) {
	entries, err := l.Get(ctx, ids...)
	values := make(map[string][]byte, len(entries))
	for _, e := range entries {
		values[e.ID] = e.Value
	}
	return values, err
}

// seenEmpty says whether the queues were empty together at some moment during
// the call.
func (v *verifier) seenEmpty(ctx context.Context) (bool, error) {
	drained, _, err := drain.Check(ctx, v.js)
	return drained, err
}

// text is the string of an entry, or what is there instead.
func text(value []byte) string {
	var response contract.Response
	if err := json.Unmarshal(value, &response); err != nil {
		return fmt.Sprintf("unreadable %.40q", value)
	}
	return response.String
}
