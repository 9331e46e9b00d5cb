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
	Keep     time.Duration // how long ledger entries live; default: they do not expire
	// MaxPayload is the largest message that the broker takes, in bytes, with its
	// headers. Where it is small queues take smaller messages, so that each fits into
	// a dead letter too; 0 does not limit them.
	MaxPayload int64
	// MaxDuplicates is the longest window in which the broker deduplicates; 0 does not
	// limit it.
	MaxDuplicates time.Duration
	// SyncAlways says that the broker syncs every write to the disk before it
	// confirms. Then queues and ledgers take atomic batches, which it syncs once;
	// where it does not, they would cost it more than they save.
	SyncAlways bool
}

// MaxMessage is what a queue takes by default, in bytes with headers.
const MaxMessage = 128 << 10

const (
	defaultAckWait  = 10 * time.Second
	defaultMaxBytes = 1 << 30

	// letterRoom is what a dead letter may be larger than its message, in bytes. It
	// adds headers of its own, some 1,500 bytes, and a prefix to each of the message's,
	// of which it keeps at most 16 KiB. A short header of 4 bytes becomes one of 14.
	letterRoom = 16 << 10
	// minPayload is the least that the broker must take. In a quarter of it no message
	// has so many headers that its dead letter needs more than all of it.
	minPayload = 16 << 10
	// maxEntry is the largest entry that a ledger takes. The longest that services
	// write is a response, of about 200 bytes, with headers about 500. A client that
	// may write to a ledger may write often, but nothing larger than this.
	maxEntry = 4 << 10
	// deduplicate is how long the broker knows a message ID, at about 150 bytes of
	// memory each. The default of two minutes would cost half a gigabyte at full
	// speed. Ledgers make effects idempotent without it.
	deduplicate = 30 * time.Second
	// deduplicateLetters outlasts the redelivery of a message whose dead letter was
	// written and whose termination was lost. Dead letters are few.
	deduplicateLetters = 10 * time.Minute
	// attemptsExpire is how long attempt records live. A message that fails is
	// tried again much sooner.
	attemptsExpire = 24 * time.Hour
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
		return s, fmt.Errorf("the ack wait must be at least 100ms, not %s", s.AckWait)
	case s.MaxPayload != 0 && s.MaxPayload < minPayload:
		return s, fmt.Errorf("the broker must take messages of at least %d bytes, not %d: raise its max_payload", minPayload, s.MaxPayload)
	case s.MaxBytes < s.maxMessage():
		return s, fmt.Errorf("a queue must hold at least one message of %d bytes, not %d", s.maxMessage(), s.MaxBytes)
	case s.Keep < 0:
		return s, errors.New("ledger retention must not be negative")
	case s.Keep > 0 && s.Keep < s.AckWait:
		return s, fmt.Errorf("ledger retention must be longer than the ack wait (%s), not %s", s.AckWait, s.Keep)
	}
	return s, nil
}

// maxMessage is what a queue takes, in bytes with headers.
func (s Settings) maxMessage() int64 {
	if s.MaxPayload == 0 {
		return MaxMessage
	}
	return min(MaxMessage, max(s.MaxPayload-letterRoom, s.MaxPayload/4))
}

// duplicates returns how long the broker deduplicates, of what is wanted.
func (s Settings) duplicates(wanted time.Duration) time.Duration {
	if s.MaxDuplicates > 0 {
		return min(wanted, s.MaxDuplicates)
	}
	return wanted
}

// ledgerDuplicates is as short as possible, because entries carry no message ID. The
// broker accepts no deduplication window longer than the retention.
func (s Settings) ledgerDuplicates() time.Duration {
	if s.Keep > 0 {
		return s.duplicates(min(deduplicate, s.Keep))
	}
	return s.duplicates(deduplicate)
}
