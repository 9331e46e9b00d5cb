package topology

import (
	"maps"
	"time"
)

// metadataForgot is the metadata of a ledger's stream that tells, as RFC 3339,
// before which time it has forgotten what it kept, where its settings do not tell
// any more: it was made to remember for longer.
const metadataForgot = "decoupled.forgot"

// Forgotten is the time before which a ledger had forgotten what it kept when it
// was made to remember for longer, by its stream's metadata; zero if it never was.
func Forgotten(metadata map[string]string) time.Time {
	at, _ := time.Parse(time.RFC3339Nano, metadata[metadataForgot]) // none: it never was
	return at
}

// NoteForgotten returns the metadata with a note that all before that time is
// forgotten. A later time that is noted already stays.
func NoteForgotten(metadata map[string]string, before time.Time) map[string]string {
	if !before.After(Forgotten(metadata)) {
		return metadata
	}
	noted := make(map[string]string, len(metadata)+1)
	maps.Copy(noted, metadata)
	noted[metadataForgot] = before.UTC().Format(time.RFC3339Nano)
	return noted
}
