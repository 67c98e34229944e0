package lockctl

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"

	"lockd/test/real"
)

// sideBySide is how many scripts run at once: most of the time they wait.
const sideBySide = 8

// binaries are made once for all tests.
var binaries real.Binaries

func TestMain(m *testing.M) { os.Exit(prepared(m)) }

func prepared(m *testing.M) int {
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(sideBySide)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return real.BuildAndRun(m, &binaries, raceDetector)
}
