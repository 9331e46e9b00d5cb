// Package shown makes text that anyone may have written fit to be shown.
package shown

import (
	"strconv"
	"strings"
)

// most is how much of a text is shown, in bytes.
const most = 2000

// Text is the text with control characters, and such as change how others are
// read, escaped; cut where it gets long. In HTML it must be escaped all the same.
func Text(text string) string {
	quoted := strconv.QuoteToGraphic(text)
	quoted = quoted[1 : len(quoted)-1]
	quoted = strings.ReplaceAll(quoted, `\"`, `"`)
	if len(quoted) > most {
		quoted = strings.ToValidUTF8(quoted[:most], "") + "… (cut)"
	}
	return quoted
}
