package fault

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"lockd/test/real"
)

// The environment of a run, and of a process that a test starts from its own
// binary to be one of its clients.
const (
	wholeVariable = "LOCKD_FAULT"
	roleVariable  = "LOCKD_FAULT_ROLE"
)

// binaries are built once for all tests.
var binaries real.Binaries

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "clients":
		os.Exit(clientsProcess())
	case "writer":
		os.Exit(writerProcess())
	}
	os.Exit(real.BuildAndRun(m, &binaries, false))
}

// whole says whether all scenarios run in full length.
func whole() bool { return os.Getenv(wholeVariable) == "all" }

// needNamespaces skips the test, with what to do, where namespaces cannot be made.
func needNamespaces(t *testing.T) {
	t.Helper()
	real.NeedRoot(t, "fault", "ip", "iptables")
	probe := fmt.Sprintf("lkp%d", os.Getpid())
	if out, err := exec.Command("ip", "netns", "add", probe).CombinedOutput(); err != nil {
		t.Skipf("this machine makes no network namespaces (a container needs CAP_SYS_ADMIN and CAP_NET_ADMIN): %s", out)
	}
	if out, err := exec.Command("ip", "netns", "del", probe).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
