package docs

import (
	"fmt"
	"regexp"
	"strings"
)

// maxWords is how long a sentence may be. The rule of style is 25; longer ones are
// nearly always two.
const maxWords = 40

var (
	linkText    = regexp.MustCompile(`!?\[([^\]]*)\]\([^)]*\)`)
	sentenceEnd = regexp.MustCompile(`[.!?:][*_")]*(?: |$)`)
	abbreviated = regexp.MustCompile(`\b(e\.g|i\.e|etc|vs)\.`)
)

// plain returns prose without its markup; a code span is one word.
func plain(text string) string {
	text = codeSpan.ReplaceAllString(text, "code")
	text = linkText.ReplaceAllString(text, "$1")
	return abbreviated.ReplaceAllString(text, "abbreviation")
}

// LongSentences returns a line for each sentence of the page that has more than 40
// words. A colon ends a sentence: what follows is an explanation or a list.
func (p Page) LongSentences() (found []string) {
	for _, text := range p.Prose {
		for _, sentence := range sentenceEnd.Split(plain(text.Text), -1) {
			if words := strings.Fields(sentence); len(words) > maxWords {
				found = append(found, fmt.Sprintf("%s:%d: %d words in a sentence: %q", p.Path, text.Line, len(words), strings.Join(words[:8], " ")+" …"))
			}
		}
	}
	return found
}

// notHeading finds headings that are neither noun phrases nor imperatives, as far as
// a pattern can: questions, clauses and sentences.
var notHeading = regexp.MustCompile(`(?i)^(who|whoever|what|whatever|why|how|where|when|which|if)\b|\b(is|are|was|were|will|can|must)\b|[.?!:;]$`)

// BadHeadings returns a line for each heading of the page that is neither a noun
// phrase nor an imperative.
func (p Page) BadHeadings() (found []string) {
	for _, h := range p.Headings {
		if notHeading.MatchString(plain(h.Text)) {
			found = append(found, fmt.Sprintf("%s:%d: the heading %q is neither a noun phrase nor an imperative", p.Path, h.Line, h.Text))
		}
	}
	return found
}
