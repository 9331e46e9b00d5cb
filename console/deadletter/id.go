package deadletter

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"regexp"
	"strconv"
	"strings"
)

// ErrInvalidID is the error for a text that is not the ID of a dead letter.
var ErrInvalidID = errors.New(`not the ID of a dead letter, which "console dead list" shows`)

// idForm is the form of an ID: the sequence, and a mark of the stored time.
var idForm = regexp.MustCompile(`^[1-9][0-9]{0,19}-[0-9a-f]{8}$`)

// id returns the ID of a dead letter. The sequence alone is not enough: a stream that
// was deleted and re-created, or restored from a backup, stores other dead letters under
// the same sequences.
func (s stored) id() string {
	mark := fnv.New32a()
	_, _ = mark.Write(strconv.AppendInt(nil, s.Time.UnixNano(), 10)) // never fails
	return fmt.Sprintf("%d-%08x", s.Sequence, mark.Sum32())
}

// IsID reports whether text has the form of a dead letter's ID.
func IsID(text string) bool { return idForm.MatchString(text) }

// Named returns the dead letter with that ID. The error unwraps to ErrNotFound
// when it is gone, also if another one has its sequence by now, and to ErrInvalidID
// when it is not an ID.
func (l *Queue) Named(ctx context.Context, id string) (Message, error) {
	number, _, _ := strings.Cut(id, "-")
	sequence, err := strconv.ParseUint(number, 10, 64)
	if err != nil || !IsID(id) {
		return Message{}, fmt.Errorf("cannot get dead letter %.40q: %w", id, ErrInvalidID)
	}
	s, err := l.get(ctx, query{Sequence: sequence})
	switch {
	case err != nil:
	case s == nil:
		err = ErrNotFound
	case s.id() != id:
		err = fmt.Errorf("%w: its number belongs to %s now", ErrNotFound, s.id())
	default:
		return s.letter(), nil
	}
	return Message{}, fmt.Errorf("cannot get dead letter %s: %w", id, err)
}
