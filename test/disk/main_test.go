//go:build linux

package disk

import (
	"os"
	"testing"
	"time"

	"lockd/test/real"
)

const (
	wholeVariable = "LOCKD_DISK"

	// callTime bounds one call, serveTime the gap in which no call succeeds,
	// endTime how long a node goes on with a disk that fails.
	callTime  = 5 * time.Second
	serveTime = 15 * time.Second
	endTime   = 60 * time.Second
	agreeTime = 60 * time.Second
)

// binaries are built once for all tests.
var binaries real.Binaries

func TestMain(m *testing.M) { os.Exit(real.BuildAndRun(m, &binaries, false)) }

// whole says whether everything is asked for, and not a selection.
func whole() bool { return os.Getenv(wholeVariable) == "all" }

// needs skips the test where it cannot be carried out.
func needs(t *testing.T, tools ...string) {
	t.Helper()
	real.NeedRoot(t, "disk", tools...)
}
