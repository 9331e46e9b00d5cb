package docs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFind(t *testing.T) {
	t.Parallel()
	const output = "sent 1000 requests\n  REQUESTS   17  ████\n  lost      0\nOK: nothing was lost\n"
	for shown, missing := range map[string]string{
		"sent 5 requests\nlost 0\nOK: nothing was lost": "",
		"REQUESTS 4 ██████\n…\nOK: nothing was lost":    "",
		"lost 0\nsent 5 requests":                       "sent 5 requests",
		"sent 5 messages":                               "sent 5 messages",
		"OK":                                            "OK",
		"sent 5 …":                                      "",
		"sent … messages":                               "sent … messages",
		"lost 7":                                        "", // a digit stands for any
		"REQUESTS 0":                                    "REQUESTS 0",
	} {
		_, err := Find(output, strings.Split(shown, "\n"))
		if missing == "" {
			require.NoError(t, err, shown)
			continue
		}
		require.ErrorContains(t, err, `"`+missing+`"`, shown)
	}
}

func TestFind_ReturnsTheRest(t *testing.T) {
	t.Parallel()
	rest, err := Find("one\ntwo\nthree\n", []string{"two"})
	require.NoError(t, err)
	require.Equal(t, "\nthree\n", rest)
}

func TestPlain(t *testing.T) {
	t.Parallel()
	require.Equal(t, "10 left\n9 left\n\ndone\n\nend", Plain("\x1b[36m10\x1b[0m left\r9 left\r\n\x1b[1A\x1b[Jdone\r\n^Cend"))
}
