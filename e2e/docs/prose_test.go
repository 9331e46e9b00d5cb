package docs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLongSentences(t *testing.T) {
	t.Parallel()
	words := strings.Repeat("word ", 39)
	require.Empty(t, parse("page.md", words+"word. Another sentence, e.g. this.\n").LongSentences())
	require.Empty(t, parse("page.md", words+"`a b c d`.\n").LongSentences(), "code is one word")
	require.Empty(t, parse("page.md", "| "+words+" | "+words+" |\n").LongSentences(), "cells are apart")
	found := parse("page.md", "First.\n\n- "+words+"[a link](x.md) and more.\n").LongSentences()
	require.Len(t, found, 1)
	require.Contains(t, found[0], "page.md:3: 43 words in a sentence")
}

func TestBadHeadings(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"Operate a deployment", "Rotating passwords", "Dead letters", "The `status` command", "Scaling to zero with KEDA"} {
		require.Empty(t, parse("page.md", "# "+good+"\n").BadHeadings(), good)
	}
	for _, bad := range []string{"What holds", "How it grows", "Where to find what", "Why it works", "Who is to blame", "The end.", "Really?", "Scenarios: each claim is something you can run"} {
		require.Len(t, parse("page.md", "# "+bad+"\n").BadHeadings(), 1, bad)
	}
}
