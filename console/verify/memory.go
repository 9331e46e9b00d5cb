package verify

import (
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/shared/ledger"
	"decoupled.example/shared/topology"
)

// skew is how far the clocks of requestors and broker may differ.
const skew = time.Minute

// memory is how far back the ledgers remember.
type memory struct {
	keep  time.Duration // the shortest of the ledgers; 0: for ever
	since time.Time     // what is older some ledger has forgotten, by the broker's clock
	ahead time.Duration // how far the broker's clock is ahead of ours
}

func (m *memory) note(info *jetstream.StreamInfo) {
	if keep := info.Config.MaxAge; keep > 0 && (m.keep == 0 || keep < m.keep) {
		m.keep = keep
	}
	if since := topology.Forgotten(info.Config.Metadata); since.After(m.since) {
		m.since = since
	}
	if !info.TimeStamp.IsZero() {
		m.ahead = time.Until(info.TimeStamp)
	}
}

// forgot says whether by now a ledger may have forgotten its part of the request
// that the entry belongs to. No part is older than the request, whose ID tells
// when it was made.
func (m *memory) forgot(e ledger.Entry, now time.Time) bool {
	oldest := e.Kept
	if id, err := uuid.Parse(e.ID); err == nil && id.Version() == 7 {
		if made := time.Unix(id.Time().UnixTime()); made.Before(oldest) {
			oldest = made
		}
	}
	return oldest.Before(m.since.Add(skew)) || m.keep > 0 && now.Add(m.ahead).Sub(oldest) > m.keep-skew
}

// Repeated is how many entries a ledger's stream has stored since its reset and
// has no more: each key should have been written once.
func Repeated(info *jetstream.StreamInfo) uint64 {
	base, _ := strconv.ParseUint(info.Config.Metadata[topology.MetadataReset], 10, 64) // none: never reset
	expires := info.Config.MaxAge > 0 && info.TimeStamp.Sub(info.Created) > info.Config.MaxAge
	if (expires || topology.Forgotten(info.Config.Metadata).After(info.Created)) && info.State.FirstSeq > 0 {
		base = max(base, info.State.FirstSeq-1) // what is missing at the front has expired
	}
	written := max(info.State.LastSeq, base) - base
	return max(written, info.State.NumSubjects) - info.State.NumSubjects
}
