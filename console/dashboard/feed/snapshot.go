package feed

import (
	"time"

	"decoupled.example/console/letters"
	"decoupled.example/console/status"
)

// Snapshot is what is known at one time. It is never changed once published, so
// that any number of goroutines may read it.
type Snapshot struct {
	At time.Time

	// Trouble says why the broker did not answer, since Lost; then everything
	// else is as it was said last. It is nil while the broker answers.
	Trouble error
	Lost    time.Time

	Status   status.Status // its time is zero before the first answer
	Flows    []Flow        // of the queues, in the order of Status.Queues
	Verdict  Verdict
	History  []Point   // the last 15 minutes, the oldest first
	Requests []Request // the last ones asked, the newest first
	Latency  Latency   // of requests finished in the last minute
	Letters  []letters.Letter
}

// Flow is how fast messages pass a queue.
type Flow struct {
	In, Out float64 // a second
}

// Point is what there was at one time: the ledgers' entries in the order of
// topology.LedgerNames, and the queues' messages in that of topology.QueueNames.
type Point struct {
	At      time.Time
	Ledgers [4]uint64
	Depths  [3]uint64
}

// Verdict is what the counts alone tell. It costs no walk through the ledgers,
// as a verification does: that proves, and this only finds what shows.
type Verdict struct {
	// Lost is how many requests are in no queue, not finished, and not among
	// the dead letters, when the queues were seen empty; it may be more, if
	// letters belong to no request.
	Lost uint64
	// Duplicated is how many entries of ledgers were written more than once.
	Duplicated  uint64
	Letters     uint64
	Outstanding uint64 // messages in the queues
}
