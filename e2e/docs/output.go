package docs

import (
	"fmt"
	"regexp"
	"strings"
)

// Find returns an error unless the output has each of the lines that a page shows,
// in this order. Otherwise it returns what follows the last of them.
func Find(output string, shown []string) (rest string, err error) {
	for _, line := range shown {
		if strings.Trim(line, " .…") == "" {
			continue
		}
		found := pattern(line).FindStringIndex(output)
		if found == nil {
			return "", fmt.Errorf("it does not print %q after the lines before it", strings.TrimSpace(line))
		}
		output = output[found[1]:]
	}
	return output, nil
}

// drawn are words that consist of block characters: how long a bar is, or whether
// there is one, is not the point.
var drawn = regexp.MustCompile(`^[▁▂▃▄▅▆▇█·]+$`)

// pattern finds a line that is like the one shown.
func pattern(line string) *regexp.Regexp {
	var words []string
	for _, word := range strings.Fields(line) {
		switch {
		case word == "…":
			words = append(words, `.*`)
		case drawn.MatchString(word):
		case word != "0" && strings.ContainsAny(word, "0123456789"):
			words = append(words, `\S+`)
		default:
			words = append(words, regexp.QuoteMeta(word))
		}
	}
	return regexp.MustCompile(`(?m)^[ ]*` + strings.Join(words, `[ \t]+`) + `[ ▁▂▃▄▅▆▇█·]*$`)
}

var (
	colors = regexp.MustCompile("\x1b\\[[0-9;]*m")
	breaks = regexp.MustCompile("(\x1b\\[[0-9;?]*[A-Za-z]|\r|\\^C)+\n?")
)

// Plain returns what a terminal has received, without colors. Where the program has
// moved the cursor in order to redraw, and where Ctrl-C was pressed, a new line
// begins.
func Plain(received string) string {
	return breaks.ReplaceAllString(colors.ReplaceAllString(received, ""), "\n")
}
