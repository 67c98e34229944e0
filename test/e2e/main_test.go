package e2e

import (
	"fmt"
	"os"
	"testing"

	"lockd/test/real"
	"lockd/transport/httpapi/httpapitest"
)

// binaries and checker are made once for all tests.
var (
	binaries real.Binaries
	checker  *httpapitest.Checker
)

func TestMain(m *testing.M) { os.Exit(prepared(m)) }

func prepared(m *testing.M) int {
	var err error
	if checker, err = httpapitest.New(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return real.BuildAndRun(m, &binaries, raceDetector)
}
