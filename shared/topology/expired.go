package topology

import (
	"maps"
	"time"
)

// metadataForgot is the metadata of a ledger's stream that holds, as RFC 3339, the
// time before which its entries have expired, where its settings do not show it: its
// retention was made longer since.
const metadataForgot = "decoupled.forgot"

// maxMargin bounds ExpiryMargin.
const maxMargin = time.Minute

// ExpiryMargin returns the last part of a ledger's retention, in which it is not
// certain what it still holds: each node of a cluster removes entries by its own
// clock, and a service may record a step somewhat after the next one is done.
func ExpiryMargin(retention time.Duration) time.Duration { return min(maxMargin, retention/2) }

// ExpiredBefore returns the time, by the broker's clock, before which entries of a ledger
// had expired when its retention was made longer, from its stream's metadata; zero if
// it never was.
func ExpiredBefore(metadata map[string]string) time.Time {
	at, _ := time.Parse(time.RFC3339Nano, metadata[metadataForgot]) // none: it never was
	return at
}

// NoteExpired returns the metadata of a ledger's stream whose retention is made
// longer, now by the broker's clock. A later time that is noted already stays.
func NoteExpired(metadata map[string]string, now time.Time, retention time.Duration) map[string]string {
	before := now.Add(ExpiryMargin(retention) - retention)
	if !before.After(ExpiredBefore(metadata)) {
		return metadata
	}
	noted := make(map[string]string, len(metadata)+1)
	maps.Copy(noted, metadata)
	noted[metadataForgot] = before.UTC().Format(time.RFC3339Nano)
	return noted
}
