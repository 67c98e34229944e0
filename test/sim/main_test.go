package sim

import (
	"os"
	"runtime/debug"
	"testing"
)

// Worlds are small and short-lived: collecting less often costs little memory
// and saves a third of the time.
func TestMain(m *testing.M) {
	debug.SetGCPercent(1000)
	os.Exit(m.Run())
}
