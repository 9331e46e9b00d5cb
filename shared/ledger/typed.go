package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// ErrMismatch is the error for an entry that does not match its ID: its value cannot be
// decoded, is invalid, or has another ID. It must not be used or passed on.
var ErrMismatch = errors.New("the entry does not match its ID")

// Codec turns values into the values of entries and back.
type Codec[T any] interface {
	// ID is the ID of the entry that holds the value.
	ID(value T) string
	// EncodeEntry fails when the value is invalid.
	EncodeEntry(value T) ([]byte, error)
	// DecodeEntry fails when the result would be invalid, or have another ID.
	DecodeEntry(id string, entry []byte) (T, error)
}

// Typed is a ledger whose entries are each a T. It may be used concurrently.
type Typed[T any] struct {
	ledger Ledger
	name   string // in errors
	codec  Codec[T]
}

// Of returns the ledger as one of T. The name is for errors.
func Of[T any](l Ledger, name string, codec Codec[T]) Typed[T] {
	return Typed[T]{ledger: l, name: name, codec: codec}
}

// PutIfAbsent is Ledger.PutIfAbsent: for each value it returns what is now stored under
// its ID, in the order given. If that is no valid T of this ID, kept has the zero T, and
// mismatched has an ErrMismatch under the value's index that names the ledger and the
// ID. mismatched is nil when there are none.
//
// It fails before it stores anything if a value is invalid.
func (l Typed[T]) PutIfAbsent(ctx context.Context, values ...T) (kept []T, mismatched map[int]error, err error) {
	entries := make([]Entry, len(values))
	for i, v := range values {
		entries[i].ID = l.codec.ID(v)
		if entries[i].Value, err = l.codec.EncodeEntry(v); err != nil {
			return nil, nil, fmt.Errorf("cannot store %.40q in ledger %s: %w", entries[i].ID, l.name, err)
		}
	}
	stored, err := l.ledger.PutIfAbsent(ctx, entries...)
	if err != nil {
		return nil, nil, err
	}
	kept = make([]T, len(values))
	for i, e := range stored {
		if bytes.Equal(e.Value, entries[i].Value) {
			kept[i] = values[i]
			continue
		}
		if kept[i], err = l.decode(entries[i].ID, e.Value); err != nil {
			if mismatched == nil {
				mismatched = make(map[int]error)
			}
			mismatched[i] = err
		}
	}
	return kept, mismatched, nil
}

// Get is Ledger.Get. An entry that is no valid T of its ID is an ErrMismatch.
func (l Typed[T]) Get(ctx context.Context, ids ...string) ([]T, error) {
	entries, err := l.ledger.Get(ctx, ids...)
	if err != nil {
		return nil, err
	}
	found := make([]T, len(entries))
	for i, e := range entries {
		if found[i], err = l.decode(e.ID, e.Value); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// decode returns the T of an entry, or the zero T with an ErrMismatch.
func (l Typed[T]) decode(id string, entry []byte) (value T, err error) {
	value, err = l.codec.DecodeEntry(id, entry)
	if err != nil {
		var none T
		return none, fmt.Errorf("ledger %s holds a bad entry under %s: %w: %w", l.name, id, ErrMismatch, err)
	}
	return value, nil
}
