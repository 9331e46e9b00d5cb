package topology_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/topology"
)

func TestExpiryMargin(t *testing.T) {
	t.Parallel()
	for retention, want := range map[time.Duration]time.Duration{
		0: 0, time.Second: 500 * time.Millisecond, 2 * time.Minute: time.Minute, 24 * time.Hour: time.Minute,
	} {
		require.Equal(t, want, topology.ExpiryMargin(retention), retention)
	}
}

// A ledger whose retention is made longer a second time has forgotten no less.
func TestNoteExpired(t *testing.T) {
	t.Parallel()
	require.True(t, topology.ExpiredBefore(nil).IsZero())
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	before := now.Add(-59 * time.Minute)
	others := map[string]string{topology.MetadataReset: "7"}

	noted := topology.NoteExpired(others, now, time.Hour)
	require.Equal(t, before, topology.ExpiredBefore(noted))
	require.Equal(t, "7", noted[topology.MetadataReset], "other notes stay")
	require.Len(t, others, 1, "what was given is not changed")

	require.Equal(t, before, topology.ExpiredBefore(topology.NoteExpired(noted, now, 2*time.Hour)))
	later := now.Add(time.Hour)
	require.Equal(t, before.Add(time.Hour), topology.ExpiredBefore(topology.NoteExpired(noted, later, time.Hour)))
}
