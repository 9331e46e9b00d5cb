package contract

import (
	"fmt"

	"github.com/google/uuid"
)

// idLength is the length of a UUID's canonical text, in bytes.
const idLength = 36

// NewID returns a new message ID: a UUIDv7 in its canonical lower-case text.
//
// IDs sort by the time they were made, which keeps neighbours together in a
// ledger. Those made by one process increase strictly; between processes the
// order is as good as their clocks, so nothing may be decided by it.
func NewID() string {
	// The only error is that of the source of random bytes, and crypto/rand
	// ends the program rather than return one.
	return uuid.Must(uuid.NewV7()).String()
}

// ValidateID reports with an ErrInvalid why id is not one that NewID could have
// made; nil if it is. Only the canonical text passes: upper case, braces or a
// "urn:uuid:" would make two keys of one ID, and so do something twice.
func ValidateID(id string) error {
	if id == "" {
		return fmt.Errorf("%w: id is missing", ErrInvalid)
	}
	if !isCanonicalUUIDv7(id) {
		return fmt.Errorf("%w: id %s is not a UUIDv7 in lower case", ErrInvalid, quote(id))
	}
	return nil
}

// isCanonicalUUIDv7 is written out because uuid.Parse also accepts every other
// notation, and it runs for each message on its way in and on its way out.
func isCanonicalUUIDv7(id string) bool {
	if len(id) != idLength {
		return false
	}
	for i := range idLength {
		c := id[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		case 14: // version
			if c != '7' {
				return false
			}
		case 19: // variant: the two high bits are 10
			if c != '8' && c != '9' && c != 'a' && c != 'b' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}
