package ledger

import (
	"context"
	"errors"
	"iter"
	"time"
)

// ErrInvalidID is the error for an ID that is empty, too long, or has other characters.
var ErrInvalidID = errors.New("an ID must be 1 to 128 of the characters a-z A-Z 0-9 - _")

// Entry is what is stored under an ID.
type Entry struct {
	ID    string
	Value []byte
	// Stored is when it was stored, by the store's clock. PutIfAbsent may leave it zero.
	Stored time.Time
}

// Ledger is a set of entries, each written once. It may be used concurrently,
// by any number of processes.
//
// When the store fails (an outage, an election, no room), its methods repeat until
// they succeed or ctx ends; then the error unwraps to ctx's. Every error that is not
// about the entries is a publish.ErrUnavailable, even if repeating cannot help: the
// message that led to the call is not at fault. If ctx had ended before the call,
// nothing is tried, and the error is only ctx's.
type Ledger interface {
	// PutIfAbsent stores each entry whose ID is not there yet, and returns for each
	// what is stored under its ID now, in the order given. It returns when all
	// that is durable. When it fails, some of the entries may be stored.
	PutIfAbsent(ctx context.Context, entries ...Entry) ([]Entry, error)

	// Get returns the existing entries of those IDs, in the order given. An entry that
	// PutIfAbsent has returned, on any replica, is always found.
	Get(ctx context.Context, ids ...string) ([]Entry, error)

	// Count returns the number of entries, in constant time.
	Count(ctx context.Context) (uint64, error)

	// All streams the entries that exist when it is called, the oldest first,
	// in constant memory. It yields one error, as the last.
	All(ctx context.Context) iter.Seq2[Entry, error]
}

// validateID accepts what is a token of a subject and a key of any database.
func validateID(id string) error {
	if len(id) == 0 || len(id) > 128 {
		return ErrInvalidID
	}
	for _, c := range []byte(id) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return ErrInvalidID
		}
	}
	return nil
}
