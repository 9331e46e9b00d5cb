// Package shown makes untrusted text safe to show.
package shown

import (
	"strconv"
	"strings"
)

// most is how much of a text is shown, in bytes.
const most = 2000

// Text returns text with control characters, and characters that change the direction of
// others, escaped, and cuts it where it gets long. HTML still needs its own escaping.
func Text(text string) string {
	quoted := strconv.QuoteToGraphic(text)
	quoted = quoted[1 : len(quoted)-1]
	quoted = strings.ReplaceAll(quoted, `\"`, `"`)
	if len(quoted) > most {
		quoted = strings.ToValidUTF8(quoted[:most], "") + "… (cut)"
	}
	return quoted
}
