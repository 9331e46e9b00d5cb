package verify

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConclusion(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]Verdict{
		"OK: nothing was lost, nothing was done twice":                                                                                       {Asked: 5, Complete: 5},
		"OK: nothing was lost, nothing was done twice; 2 could not be judged, as a part of each may have expired":                            {Asked: 5, Complete: 3, Expired: 2},
		"OK so far: nothing was lost, nothing was done twice; 1 are not finished":                                                            {Asked: 5, Complete: 4, Outstanding: 1},
		"OK so far: nothing was lost, nothing was done twice; 1 are not finished; 3 could not be judged, as a part of each may have expired": {Asked: 5, Complete: 1, Outstanding: 1, Expired: 3},
		"NOT JUDGED: a part of everything that the ledgers hold may have expired":                                                            {Asked: 5, Expired: 5},
		"FAILED": {Asked: 5, Lost: 1, Expired: 4},
	} {
		require.Equal(t, want, v.Conclusion())
		require.Equal(t, want[:2] == "OK", v.OK())
	}
}
