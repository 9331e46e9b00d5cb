package service

import (
	"cmp"
	"fmt"
	"regexp"
	"runtime/debug"
	"strings"
)

// Release is the version of this source code, by semver.org with a leading v. The
// Dockerfile, the Compose files and CHANGELOG.md name the same version; a test
// compares them.
const Release = "v0.2.0"

// The linker sets them where the build knows better than the source code:
//
//	go build -ldflags "-X decoupled.example/shared/service.version=v1.2.3 -X decoupled.example/shared/service.commit=0123abc"
var version, commit string

// Build describes the source code that a program was built from.
type Build struct {
	Version string // for example v1.2.3
	Commit  string // empty when unknown
}

// CurrentBuild returns the version and the commit that this program was linked
// with. Without them the version is Release, and the commit the one that the Go
// tool recorded.
func CurrentBuild() Build {
	b := Build{Version: cmp.Or(version, Release), Commit: commit}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
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
