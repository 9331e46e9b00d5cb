package contract

import (
	"crypto/rand"
	"fmt"
)

const (
	// StringLength is the number of characters of a response's string.
	StringLength = 64

	// alphabet holds the characters that it is made of.
	alphabet = "abcdefghijklmnopqrstuvwxyz" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + "0123456789"
)

// NewString returns a new random string: StringLength characters, each drawn
// independently and with the same probability from a-z A-Z 0-9 by crypto/rand,
// which is 381 bits of entropy together.
func NewString() string {
	// Six bits of a random byte are 0 to 63. The two values that stand for no
	// character are discarded; taking them modulo 62 instead would make "a"
	// and "b" twice as likely as the others. So 64 characters cost 66 bytes on
	// average; 80 are nearly always enough, in one read, which is what takes
	// the time.
	const sixBits = 1<<6 - 1

	var text [StringLength]byte
	var random [StringLength + 16]byte
	for n := 0; ; {
		// Never an error: without random bytes crypto/rand ends the program.
		_, _ = rand.Read(random[:])
		for _, b := range random {
			i := int(b & sixBits)
			if i >= len(alphabet) {
				continue
			}
			text[n] = alphabet[i]
			n++
			if n == StringLength {
				return string(text[:])
			}
		}
	}
}

// validateString reports with an ErrInvalid why s cannot be a response's string.
func validateString(s string) error {
	if s == "" {
		return fmt.Errorf("%w: string is missing", ErrInvalid)
	}
	for i, r := range s {
		if !inAlphabet(r) {
			return fmt.Errorf("%w: string has %+q at byte %d, which is not one of a-z A-Z 0-9", ErrInvalid, r, i)
		}
	}
	// All of it is ASCII now, so that bytes are characters.
	if len(s) != StringLength {
		return fmt.Errorf("%w: string has %d characters, not %d", ErrInvalid, len(s), StringLength)
	}
	return nil
}

func inAlphabet(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}
