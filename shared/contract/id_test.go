package contract

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// goodID is a valid ID that no test makes anew.
const goodID = "01980a5e-6f3c-7b21-9c44-5d1f0e8a7b36"

func TestNewIDIsValid(t *testing.T) {
	t.Parallel()
	for range 10_000 {
		id := NewID()
		require.NoError(t, ValidateID(id))

		// The library agrees that it is one, and on its notation.
		parsed, err := uuid.Parse(id)
		require.NoError(t, err)
		require.Equal(t, uuid.Version(7), parsed.Version())
		require.Equal(t, uuid.RFC4122, parsed.Variant())
		require.Equal(t, parsed.String(), id)
	}
}

func TestNewIDBearsTheTime(t *testing.T) {
	t.Parallel()
	before := time.Now().UnixMilli()
	id := uuid.MustParse(NewID())
	after := time.Now().UnixMilli()

	var milliseconds int64 // the first 48 bits, since 1970
	for _, b := range id[:6] {
		milliseconds = milliseconds<<8 | int64(b)
	}
	require.GreaterOrEqual(t, milliseconds, before)
	// IDs made faster than the clock advances run ahead of it a little.
	require.LessOrEqual(t, milliseconds, after+1000)
}

func TestNewIDIncreasesWithinAProcess(t *testing.T) {
	t.Parallel()
	last := NewID()
	for range 100_000 {
		next := NewID()
		require.Less(t, last, next)
		last = next
	}
}

func TestNewIDIsUniqueAcrossGoroutines(t *testing.T) {
	t.Parallel()
	const goroutines, each = 8, 10_000
	made := make([][]string, goroutines)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for range each {
				made[g] = append(made[g], NewID())
			}
		})
	}
	wg.Wait()

	seen := make(map[string]bool, goroutines*each)
	for _, ids := range made {
		for _, id := range ids {
			seen[id] = true
		}
	}
	require.Len(t, seen, goroutines*each)
}

func TestValidateID(t *testing.T) {
	t.Parallel()
	require.NoError(t, ValidateID(goodID))
	// Each of the four variants that RFC 9562 allows.
	for _, variant := range []string{"8", "9", "a", "b"} {
		require.NoError(t, ValidateID(goodID[:19]+variant+goodID[20:]))
	}

	for name, id := range badIDs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := ValidateID(id)
			require.ErrorIs(t, err, ErrInvalid)
			require.ErrorContains(t, err, "id ")
			requireTame(t, err)
		})
	}
}

// badIDs are invalid IDs by what is wrong with them.
func badIDs() map[string]string {
	bad := map[string]string{
		"empty":            "",
		"a word":           "request-1",
		"upper case":       strings.ToUpper(goodID),
		"one upper case":   goodID[:35] + "F",
		"braces":           "{" + goodID + "}",
		"URN":              "urn:uuid:" + goodID,
		"no hyphens":       strings.ReplaceAll(goodID, "-", ""),
		"hyphen misplaced": "01980a5-e6f3c-7b21-9c44-5d1f0e8a7b36",
		"version 4":        goodID[:14] + "4" + goodID[15:],
		"variant 0":        goodID[:19] + "7" + goodID[20:],
		"variant c":        goodID[:19] + "c" + goodID[20:],
		"not hexadecimal":  goodID[:35] + "g",
		"too short":        goodID[:35],
		"too long":         goodID + "0",
		"space before":     " " + goodID,
		"newline after":    goodID + "\n",
		"newline in it":    goodID[:35] + "\n",
		"NUL in it":        goodID[:35] + "\x00",
		"subject wildcard": goodID[:35] + ">",
		"subject dot":      goodID[:35] + ".",
		"wide digits":      strings.ReplaceAll(goodID, "0", "０"),
		"nil UUID":         uuid.Nil.String(),
		"max UUID":         uuid.Max.String(),
		"huge":             strings.Repeat("0", 100_000),
	}
	for i := range len(goodID) {
		bad[fmt.Sprintf("a tilde at byte %d", i)] = goodID[:i] + "~" + goodID[i+1:]
	}
	return bad
}
