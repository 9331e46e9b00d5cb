package verify

import (
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"decoupled.example/console/internal/ask"
	"decoupled.example/shared/topology"
)

// memory is how far back the ledgers go, by the broker's clock.
type memory struct {
	keep  time.Duration // the shortest retention of the ledgers; 0: for ever
	since time.Time     // what is older some ledger has forgotten
	clock ask.Clock
}

func (m *memory) note(info *jetstream.StreamInfo) {
	if keep := info.Config.MaxAge; keep > 0 && (m.keep == 0 || keep < m.keep) {
		m.keep = keep
	}
	if since := topology.ExpiredBefore(info.Config.Metadata); since.After(m.since) {
		m.since = since
	}
	m.clock = ask.NewClock(info.TimeStamp)
}

// forgot reports whether by now a later step may have expired of a
// request of which this one was stored at that time.
//
// Both times are the broker's. When the request's ID says that it was made does not
// matter: that is by the clock of its requestor.
func (m *memory) forgot(kept, now time.Time) bool {
	return kept.Before(m.since) || m.keep > 0 && now.Sub(kept) > m.keep-topology.ExpiryMargin(m.keep)
}

// expired returns how many of the entries that a ledger's stream stored since its
// reset have expired.
func expired(info *jetstream.StreamInfo) uint64 {
	expires := info.Config.MaxAge > 0 && info.TimeStamp.Sub(info.Created) > info.Config.MaxAge
	if !expires && !topology.ExpiredBefore(info.Config.Metadata).After(info.Created) {
		return 0
	}
	before := max(info.State.FirstSeq, 1) - 1 // they expire in the order in which they were stored
	return before - min(before, Begun(info))
}

// Begun is the sequence after which a ledger's entries count, since its reset.
func Begun(info *jetstream.StreamInfo) uint64 {
	after, _ := strconv.ParseUint(info.Config.Metadata[topology.MetadataReset], 10, 64) // none: never reset
	return after
}

// Repeated is how many entries a ledger's stream has stored since its reset and
// has no more, though they did not expire: each key should have been written once.
func Repeated(info *jetstream.StreamInfo) uint64 {
	base := Begun(info) + expired(info)
	written := max(info.State.LastSeq, base) - base
	return max(written, info.State.NumSubjects) - info.State.NumSubjects
}
