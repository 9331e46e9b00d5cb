package service

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
)

// needs are the broker features that older nats-servers lack, each with the minor
// version of nats-server 2 that introduced it, in ascending order. The last one is
// the minimum for every program: a deployment that works in part is harder to
// repair than one that reports why it does not work.
var needs = []struct {
	what  string
	minor int
}{
	{"pausing a queue", 11},
	{"publishing in atomic batches", 12},
	{"resetting a consumer", 14},
}

// serverVersion finds major and minor version, also of a pre-release.
var serverVersion = regexp.MustCompile(`^v?(\d+)\.(\d+)\.`)

// CheckBroker returns an error if the broker that nc is connected to is too old. The
// error names the version, what it lacks, and the minimum. CheckBroker returns nil
// without a connection, and for a version that it cannot parse. It sends nothing.
func CheckBroker(nc *nats.Conn) error {
	version := nc.ConnectedServerVersion()
	found := serverVersion.FindStringSubmatch(version)
	if found == nil {
		return nil
	}
	major, _ := strconv.Atoi(found[1]) // digits
	minor, _ := strconv.Atoi(found[2])
	oldest := needs[len(needs)-1].minor
	if major > 2 || major == 2 && minor >= oldest {
		return nil
	}
	var missing []string
	for _, need := range needs {
		if major < 2 || minor < need.minor {
			missing = append(missing, fmt.Sprintf("%s needs 2.%d", need.what, need.minor))
		}
	}
	return fmt.Errorf("the broker at %s is too old: it runs nats-server %s, but %s; upgrade it to 2.%d or newer",
		nc.ConnectedUrlRedacted(), version, strings.Join(missing, ", "), oldest)
}
