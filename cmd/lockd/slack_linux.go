package main

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// relaxTimers lets the kernel be up to timerSlack late in waking this process's
// threads from a sleep. Go's runtime watches over threads that sit in a system
// call by a thread of its own, which sleeps for 20 µs at a time while there are
// any. A node that syncs its log has such threads all the time: with the usual
// slack of 50 µs that thread took a quarter of the CPU of a lightly loaded node.
//
// A thread hands its slack on to those that it starts, and the runtime's is there
// before main: so the process begins anew, once. Where that fails all is as before.
func relaxTimers() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	relaxed := func() bool {
		slack, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
		return err == nil && slack >= int(timerSlack)
	}
	if relaxed() {
		return
	}
	self, err := os.Executable()
	// With a real-time policy the kernel takes any slack, and has none.
	if err != nil || unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack), 0, 0, 0) != nil || !relaxed() {
		return
	}
	_ = unix.Exec(self, os.Args, os.Environ()) // returns only if it failed
}
