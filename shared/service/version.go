package service

import (
	"cmp"
	"fmt"
	"regexp"
	"runtime/debug"
	"strings"
)

// Set when a release is linked:
//
//	go build -ldflags "-X decoupled.example/shared/service.version=1.2.3 -X decoupled.example/shared/service.commit=0123abc"
var version, commit string

// Build says what a program was built from.
type Build struct {
	Version string // such as 1.2.3
	Commit  string // empty when unknown
}

// CurrentBuild is what this program was linked as, or else what the Go tool
// has recorded.
func CurrentBuild() Build {
	b := Build{Version: version, Commit: commit}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && b.Commit == "" {
			b.Commit = setting.Value
		}
	}
	return b
}

func (b Build) String() string {
	return fmt.Sprintf("%s (commit %s)", cmp.Or(b.Version, "unknown"), cmp.Or(b.Commit, "unknown"))
}

// semVer is the version as the micro service protocol wants it: strictly by
// semver.org. A version that is not (a branch, "latest") becomes 0.0.0: no
// reason not to start.
func (b Build) semVer() string {
	if v := strings.TrimPrefix(b.Version, "v"); semVer.MatchString(v) {
		return v
	}
	return "0.0.0"
}

// semVer is the expression that semver.org suggests.
var semVer = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$`)
