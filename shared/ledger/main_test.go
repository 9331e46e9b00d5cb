package ledger_test

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"
)

// On few processors more tests run at once than the default allows: most of the
// time they wait for nodes to elect a leader.
func TestMain(m *testing.M) {
	flag.Parse()
	if runtime.GOMAXPROCS(0) < 5 && flag.Set("test.parallel", strconv.Itoa(5)) != nil {
		os.Exit(2)
	}
	os.Exit(m.Run())
}
