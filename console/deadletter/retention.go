package deadletter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"decoupled.example/console/internal/ask"
	"decoupled.example/shared/contract"
	"decoupled.example/shared/topology"
)

// ErrExpired is the error for a dead letter whose ledger entries may have expired. The
// ledgers make an effect happen once. Without them, a redriven request that was answered
// before would be answered again, with another string.
var ErrExpired = errors.New("the ledger entries of its request may have expired, so its effect could happen twice")

const (
	// rereadRetention is how long what is known of the ledgers' retention is used.
	rereadRetention = 10 * time.Second
	// soon is how long before an entry expires it counts as expired: the message
	// takes some time to be processed.
	soon = time.Minute
)

// retention describes how far back the ledgers go. All times are the broker's.
type retention struct {
	read    time.Time // when it was read, by our clock
	now     time.Time // when it was read, by the broker's
	ledgers []ledgerRetention
}

type ledgerRetention struct {
	name    string
	maxAge  time.Duration // 0: entries do not expire
	created time.Time
	expired time.Time // what is older had expired before maxAge was made longer; may be zero
}

// since returns the time from which a ledger has every entry, and whether any entries may
// have expired so far.
func (l ledgerRetention) since(now time.Time) (since time.Time, expires bool) {
	since = l.expired
	if l.maxAge > 0 {
		if aged := now.Add(min(soon, l.maxAge/10) - l.maxAge); aged.After(since) {
			since = aged
		}
	}
	if l.created.After(since) { // it is too young for any to have expired
		return l.created, false
	}
	return since, !since.IsZero()
}

// checkRetention returns an ErrExpired if a ledger may have had an entry of the
// letter's request that has expired since. It is judged by the broker's times
// alone: when the request was first published is when it was recorded as asked, or
// a little before.
func (l *Queue) checkRetention(ctx context.Context, letter Message) error {
	id := contract.IDOf(letter.Body)
	if contract.ValidateID(id) != nil { // no service can read it, so none has done anything
		return nil
	}
	r, err := l.readRetention(ctx)
	if err != nil {
		return err
	}
	asked, err := l.from(ctx, "KV_"+topology.Asked, query{Last: "$KV." + topology.Asked + "." + id})
	if err != nil {
		return fmt.Errorf("cannot read ledger %s: %w", topology.Asked, err)
	}
	// A letter's headers say what its writer likes; when it was stored they do not.
	first := letter.Stored
	for _, at := range []time.Time{letter.Published, askedAt(asked)} {
		if !at.IsZero() && at.Before(first) {
			first = at
		}
	}
	now := r.now.Add(time.Since(r.read))
	for _, ledger := range r.ledgers {
		since, expires := ledger.since(now)
		switch {
		case first.Before(since) && (expires || since.Sub(first) > soon):
			return fmt.Errorf("%w: it is from %s, ledger %s has entries since %s; redrive it with \"console dead redrive --expired\" if that is wanted",
				ErrExpired, first.Format(time.RFC3339), ledger.name, since.Format(time.RFC3339))
		case asked == nil && expires:
			// What was redriven before is younger in its queue than the request is.
			return fmt.Errorf("%w: it is not recorded as asked, so it may be older than %s, since when ledger %s has entries; redrive it with \"console dead redrive --expired\" if that is wanted",
				ErrExpired, since.Format(time.RFC3339), ledger.name)
		}
	}
	return nil
}

func askedAt(entry *stored) time.Time {
	if entry == nil {
		return time.Time{}
	}
	return entry.Time
}

// readRetention reads the ledgers' retention, unless it was read a moment ago.
func (l *Queue) readRetention(ctx context.Context) (retention, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.retention.read.IsZero() && time.Since(l.retention.read) < rereadRetention {
		return l.retention, nil
	}
	var r retention
	for _, name := range topology.LedgerNames {
		info, err := ask.Stream(ctx, l.js, "KV_"+name)
		if err != nil {
			return r, fmt.Errorf("cannot read the retention of ledger %s: %w", name, err)
		}
		r.read, r.now = time.Now(), info.TimeStamp
		r.ledgers = append(r.ledgers, ledgerRetention{
			name: name, maxAge: info.Config.MaxAge, created: info.Created, expired: topology.ExpiredBefore(info.Config.Metadata),
		})
	}
	l.retention = r
	return r, nil
}
