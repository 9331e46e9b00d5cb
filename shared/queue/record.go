package queue

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// record is what is known of the attempts at one message, on all replicas.
type record struct {
	// Failures is the number of attempts that failed.
	Failures int `json:"failures"`
	// Reason is that of the last failure, one line.
	Reason string `json:"reason,omitempty"`
	// Counted names the failures that were counted last. A record whose confirmation
	// was lost is written already when it is written again, and counts only once.
	Counted []string `json:"counted,omitempty"`
	// Worker is the process that saw the last failure, and Successes how often its
	// handler had succeeded by then.
	Worker    string `json:"worker,omitempty"`
	Successes int    `json:"successes,omitempty"`
	// Blamed says that other messages succeeded after this one had failed, so that
	// no dependency is to blame.
	Blamed bool `json:"blamed,omitempty"`
	// Running names the attempt in isolation that is under way. It is set before
	// the attempt and cleared after it, so one that stays tells that the worker
	// died with the message.
	Running string `json:"running,omitempty"`

	sequence uint64 // of the entry that holds the record; 0 if there is none
}

// readRecord decodes an entry. A deleted one has no value.
func readRecord(data []byte, sequence uint64) (record, error) {
	r := record{sequence: sequence}
	if len(data) == 0 {
		return r, nil
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return record{sequence: sequence}, fmt.Errorf("entry %d is no attempt record: %w", sequence, err)
	}
	return r, nil
}

// mostCounted is how many failures a record names: more than replicas have a
// message at the same time.
const mostCounted = 8

// count counts a failure unless it is counted already, and reports which.
func (r *record) count(name string, failure record) bool {
	if slices.Contains(r.Counted, name) {
		return false
	}
	r.fail(failure)
	r.Counted = append(slices.Clone(r.Counted[max(0, len(r.Counted)+1-mostCounted):]), name)
	return true
}

// fail counts a failure.
func (r *record) fail(failure record) {
	r.Failures++
	r.Reason, r.Running = bounded(failure.Reason), ""
	r.Worker, r.Successes = failure.Worker, failure.Successes
	r.Blamed = r.Blamed || failure.Blamed
}

// bounded returns a reason that fits the bucket, whatever JSON makes of it.
func bounded(reason string) string {
	const most = 500 // bytes
	if len(reason) > most {
		return strings.ToValidUTF8(reason[:most], "") + "…"
	}
	return reason
}
