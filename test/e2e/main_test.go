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
	dir, err := os.MkdirTemp("", "lockd-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binaries, err = real.Build(dir, raceDetector); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if checker, err = httpapitest.New(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
