package feed

import (
	"time"

	"decoupled.example/console/deadletter"
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

	Status      status.Status // its time is zero before the first answer; its ledgers count from the last reset on, with what they have forgotten
	Rates       status.Rates
	Verdict     Verdict
	History     []Point   // the last 15 minutes, the oldest first
	Requests    []Request // the last ones asked, the newest first
	Latency     Latency   // of requests finished in the last minute
	DeadLetters []deadletter.Message
}

// Point is what there was at one time: the ledgers' counts in the order of
// topology.LedgerNames, and the queues' messages in that of topology.QueueNames.
type Point struct {
	At      time.Time
	Ledgers [4]uint64
	Depths  [3]uint64
}

// Verdict is what the counts alone tell. It costs no walk through the ledgers,
// as a verification does: that proves, and this only finds what shows. What it
// can know is in the package comment.
type Verdict struct {
	Lost        uint64 // at least so many
	Drained     bool   // the queues were seen empty together, so that nothing on its way hides a loss
	Duplicated  uint64 // entries of ledgers that were written more than once
	DeadLetters uint64
	Outstanding uint64 // messages in the queues
}
