package topology_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/topology"
)

// A ledger that is made to remember for longer a second time has forgotten no
// less for that.
func TestWhatIsForgottenStaysSo(t *testing.T) {
	t.Parallel()
	require.True(t, topology.Forgotten(nil).IsZero())
	before := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	others := map[string]string{topology.MetadataReset: "7"}

	noted := topology.NoteForgotten(others, before)
	require.Equal(t, before, topology.Forgotten(noted))
	require.Equal(t, "7", noted[topology.MetadataReset], "other notes stay")
	require.Len(t, others, 1, "what was given is not changed")

	require.Equal(t, before, topology.Forgotten(topology.NoteForgotten(noted, before.Add(-time.Hour))))
	later := before.Add(time.Hour)
	require.Equal(t, later, topology.Forgotten(topology.NoteForgotten(noted, later)))
}
