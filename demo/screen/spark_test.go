package screen

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestSpark(t *testing.T) {
	t.Parallel()
	require.Equal(t, "·▁▅█", spark([]uint64{0, 1, 50, 100}, 100))
	require.Equal(t, "··", spark([]uint64{0, 0}, 0), "nothing at all")
	require.Equal(t, "▁", spark([]uint64{1}, 1_000_000), "little is not nothing")

	long := make([]uint64, 1000)
	long[501] = 9
	line := spark(long, 9)
	require.Equal(t, sparkWidth, utf8.RuneCountInString(line))
	require.Contains(t, line, "█", "a short peak is not left out")
}

func TestWrap(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"one two", "three", "incomprehensibilities"}, wrap("one two three  incomprehensibilities", 8))
	require.Equal(t, []string{""}, wrap("", 8))
}
