package contract

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// goodString is a valid string that no test makes anew.
const goodString = "kT3v9QzLw0aXbN7RcEyU5mJ2sHfGdP8oIiWn1VqKxZtB4uC6lMrYgShDjFeApO0k"

func TestAlphabet(t *testing.T) {
	t.Parallel()
	require.Len(t, alphabet, 62)
	var want strings.Builder
	for r := range rune(128) {
		if inAlphabet(r) {
			require.Contains(t, alphabet, string(r))
			want.WriteRune(r)
		}
	}
	require.Len(t, want.String(), len(alphabet), "a character occurs twice")
	for _, r := range []rune{'/', ':', '@', '[', '`', '{', 'é', '０', 'Ａ', '\uFFFD', -1} {
		require.False(t, inAlphabet(r), "%q", r)
	}
}

// The bounds of this test are so wide that chance does not cross them: with 61
// degrees of freedom chi-square has a mean of 61 and a standard deviation of 11,
// and exceeds 250 less than once in 10^24 runs. The usual mistake, a random byte
// modulo 62, brings it to thousands.
func TestNewStringIsUnbiased(t *testing.T) {
	t.Parallel()
	const (
		made        = 20_000
		chiSquare   = 250.0
		perLetter   = float64(made*StringLength) / float64(len(alphabet))
		perLetterAt = float64(made) / float64(len(alphabet))
	)
	var total [256]int
	var at [StringLength][256]int
	seen := make(map[string]bool, made)
	for range made {
		s := NewString()
		require.NoError(t, validateString(s))
		seen[s] = true
		for i := range len(s) {
			total[s[i]]++
			at[i][s[i]]++
		}
	}
	require.Len(t, seen, made, "a string was made twice")

	require.Less(t, deviation(total, perLetter), chiSquare)
	for i := range at {
		require.Less(t, deviation(at[i], perLetterAt), chiSquare, "character %d", i)
		for j := range len(alphabet) {
			require.NotZero(t, at[i][alphabet[j]], "character %d is never %q", i, alphabet[j])
		}
	}
}

// deviation is chi-square of the counts of the letters, if each is expected so
// many times.
func deviation(counts [256]int, expected float64) (chiSquare float64) {
	for i := range len(alphabet) {
		d := float64(counts[alphabet[i]]) - expected
		chiSquare += d * d / expected
	}
	return chiSquare
}

func TestValidateString(t *testing.T) {
	t.Parallel()
	require.NoError(t, validateString(goodString))
	require.NoError(t, validateString(strings.Repeat("a", StringLength)))

	for name, s := range badStrings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := validateString(s)
			require.ErrorIs(t, err, ErrInvalid)
			require.ErrorContains(t, err, "string ")
			requireTame(t, err)
		})
	}
}

// badStrings are invalid strings by what is wrong with them.
func badStrings() map[string]string {
	return map[string]string{
		"empty":             "",
		"one short":         goodString[1:],
		"one more":          goodString + "a",
		"newline after":     goodString + "\n",
		"space in it":       goodString[:63] + " ",
		"punctuation":       goodString[:63] + "-",
		"base64":            goodString[:62] + "+/",
		"NUL":               "\x00" + goodString[1:],
		"64 bytes, not all": goodString[:62] + "é",
		"64 letters é":      strings.Repeat("é", StringLength),
		"not UTF-8":         goodString[:63] + "\xff",
		"huge":              strings.Repeat("a", 100_000),
	}
}
