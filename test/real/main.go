package real

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
)

// BuildAndRun is the whole of a TestMain: it builds the binaries once for all
// tests, runs these and returns the exit code. What the tests start hears HUP, INT
// and QUIT even if they themselves were started by nohup or, by a script, in the
// background, as CI may do.
func BuildAndRun(m *testing.M, binaries *Binaries, race bool) int {
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
	dir, err := os.MkdirTemp("", "lockd-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if *binaries, err = Build(dir, race); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// NeedRoot skips the test, with what to do, unless it runs as root and has the
// tools. The make target named runs the tests, the one with -deps installs what
// they need.
func NeedRoot(tb testing.TB, target string, tools ...string) {
	tb.Helper()
	if os.Geteuid() != 0 {
		tb.Skipf("this test needs root: run 'make %s' as root", target)
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			tb.Skipf("%s is missing: run 'make %s-deps' as root on Debian, or install the package that has it", tool, target)
		}
	}
}
