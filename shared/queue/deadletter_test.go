package queue

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

func TestOneLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                         "",
		"plain":                    "plain",
		"ä € 漢字 🙂":                 "ä € 漢字 🙂",
		"a\r\nb\tc\x00d\x7fe":      "a  b c d e",
		"\x1b]0;title\x07":         " ]0;title ",
		"\u0085\u2028\u202e\u200b": "    ",
		"\xff\xfe":                 "?",
		"a\xffb":                   "a?b",
	} {
		require.Equal(t, want, oneLine(text))
	}
}

func TestOneLineIsBounded(t *testing.T) {
	t.Parallel()
	for _, r := range []string{"x", "é", "漢", "🙂", "\xff", "\n", "\u2028"} {
		line := oneLine(strings.Repeat(r, 1_000_000))
		require.LessOrEqual(t, len(line), maxReason+len("…"))
		require.True(t, utf8.ValidString(line))
	}
	require.Equal(t, strings.Repeat("x", maxReason), oneLine(strings.Repeat("x", maxReason)))
}

func FuzzOneLine(f *testing.F) {
	f.Add("a\r\nNats-Rollup: all")
	f.Fuzz(func(t *testing.T, text string) {
		line := oneLine(text)
		require.True(t, utf8.ValidString(line))
		require.LessOrEqual(t, len(line), maxReason+len("…"))
		require.False(t, strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }))
	})
}

func TestIsToken(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"a", "0193-ab_c", "$", "~", strings.Repeat("x", 128)} {
		require.True(t, isToken(id), id)
	}
	for _, id := range []string{"", ".", "*", ">", "a.b", "a b", "a\n", "\x00", "\x7f", "ä", "\xff", strings.Repeat("x", 129)} {
		require.False(t, isToken(id), id)
	}
}

// The client library has its own idea of what a header may be called, and fails
// to publish the whole message otherwise.
func TestIsHeaderNameAgreesWithTheLibrary(t *testing.T) {
	t.Parallel()
	names := []string{"", "a", "A-b_c.d", "ä", "\xff", "\u2028"}
	for c := range 256 {
		names = append(names, "a"+string([]byte{byte(c)}))
	}
	for _, name := range names {
		m := &nats.Msg{Header: nats.Header{DeadLetterOriginal + name: {"x"}}}
		sendable := m.Size() > 0 // it counts no headers that it cannot send
		require.Equal(t, sendable, isHeaderName(name), "%q", name)
	}
}
