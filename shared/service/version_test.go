package service

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBuildVersionIsMadeFitForTheProtocol(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"1.2.3":         "1.2.3",
		"v1.2.3":        "1.2.3",
		"1.2.3-rc.1+x":  "1.2.3-rc.1+x",
		"v0.0.0-2026-a": "0.0.0-2026-a",
		"":              "0.0.0",
		"(devel)":       "0.0.0",
		"latest":        "0.0.0",
		"1.2":           "0.0.0",
		"01.2.3":        "0.0.0",
	} {
		require.Equal(t, want, Build{Version: version}.semVer(), version)
	}
}

// A test is linked without a version, as "go run" and "go build" link.
func TestCurrentBuild_IsTheReleaseUnlessLinkedOtherwise(t *testing.T) {
	t.Parallel()
	require.Equal(t, Release, CurrentBuild().Version)
	require.True(t, strings.HasPrefix(Release, "v"), "tags begin with v")
	require.Equal(t, strings.TrimPrefix(Release, "v"), CurrentBuild().semVer(), "a valid semantic version")
}

func TestBuildReadsWell(t *testing.T) {
	t.Parallel()
	require.Equal(t, "1.2.3 (commit 0123abc)", Build{Version: "1.2.3", Commit: "0123abc"}.String())
	require.Equal(t, "unknown (commit unknown)", Build{}.String())
}
