package sim

import (
	"os"
	"runtime/debug"
	"testing"
)

// Worlds are small and short-lived: collecting less often costs 300 MB and saves
// a third of the time.
func TestMain(m *testing.M) {
	debug.SetGCPercent(2000)
	os.Exit(m.Run())
}
