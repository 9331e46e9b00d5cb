package topology

import (
	"errors"
	"fmt"
	"time"
)

// Settings are what a deployment may choose. The zero value of a field stands
// for its default.
type Settings struct {
	Replicas int           // of every stream: 1, or 3 on a cluster; default 1
	AckWait  time.Duration // after which an unacknowledged message is delivered again; default 10 s
	MaxBytes int64         // of each queue; a full queue slows its publishers; default 1 GiB
	Keep     time.Duration // how long ledgers remember; default for ever
	// SyncAlways says that the broker syncs every write to the disk before it
	// confirms. Then queues and ledgers take atomic batches, which it syncs once;
	// where it does not, they would cost it more than they save.
	SyncAlways bool
}

const (
	defaultAckWait  = 10 * time.Second
	defaultMaxBytes = 1 << 30

	// maxMessage is what a queue takes, in bytes with headers. It is well below
	// the broker's own limit (256 KB in deploy/nats), since a dead letter adds
	// headers.
	maxMessage = 128 << 10
	// maxEntry is what a ledger takes: the longest entry is a response, of some
	// 200 bytes with its headers another 300. A user who may write to a ledger
	// may write often, but no more than this.
	maxEntry = 4 << 10
	// deduplicate is how long the broker knows an ID. It costs about 150 bytes
	// of its memory for each: the default of two minutes would be half a gigabyte
	// at full speed. Ledgers make effects idempotent for good.
	deduplicate = 30 * time.Second
	// deduplicateLetters outlasts the redelivery of a message whose letter was
	// written and whose termination was lost. Letters are few.
	deduplicateLetters = 10 * time.Minute
	// forgetTrials removes records of trials that nobody came back to.
	forgetTrials = 24 * time.Hour
)

// complete validates the settings and fills in the defaults.
func (s Settings) complete() (Settings, error) {
	if s.Replicas == 0 {
		s.Replicas = 1
	}
	if s.AckWait == 0 {
		s.AckWait = defaultAckWait
	}
	if s.MaxBytes == 0 {
		s.MaxBytes = defaultMaxBytes
	}
	switch {
	case s.Replicas != 1 && s.Replicas != 3:
		return s, fmt.Errorf("replicas must be 1 or 3, not %d", s.Replicas)
	case s.AckWait < 100*time.Millisecond:
		return s, fmt.Errorf("the acknowledgement wait must be at least 100ms, not %s", s.AckWait)
	case s.MaxBytes < maxMessage:
		return s, fmt.Errorf("a queue must hold at least one message of %d bytes, not %d", maxMessage, s.MaxBytes)
	case s.Keep < 0:
		return s, errors.New("ledgers cannot remember for less than no time")
	case s.Keep > 0 && s.Keep < s.AckWait:
		return s, fmt.Errorf("ledgers must remember for longer than a redelivery takes (%s), not %s", s.AckWait, s.Keep)
	}
	return s, nil
}

// ledgerDuplicates is as short as may be: entries carry no message ID. The
// broker accepts no window that is longer than what it deduplicates is kept.
func (s Settings) ledgerDuplicates() time.Duration {
	if s.Keep > 0 {
		return min(deduplicate, s.Keep)
	}
	return deduplicate
}
