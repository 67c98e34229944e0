//go:build linux

package disk

import (
	"fmt"
	"os"
	"os/exec"
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

func TestMain(m *testing.M) { os.Exit(prepared(m)) }

func prepared(m *testing.M) int {
	dir, err := os.MkdirTemp("", "lockd-disk-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binaries, err = real.Build(dir, false); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// whole says whether everything is asked for, and not a selection.
func whole() bool { return os.Getenv(wholeVariable) == "all" }

// needs skips the test, with what to do, where it cannot be carried out.
func needs(t *testing.T, tools ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("faulty disks need root (mount, ptrace): run 'make disk' as root")
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is missing: run 'make disk-deps' as root on Debian, or install the package that has it", tool)
		}
	}
}
