package process

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// RelaxTimers lets the kernel be up to timerSlack late in waking this process's
// threads from a sleep; the processes that Start starts are not concerned. Main calls
// it first of all. The runtime watches over threads in system calls by one that sleeps
// for 20 µs at a time: with the usual slack it took a seventh of a load generator's
// CPU, which the servers on the same machine do without.
//
// A thread hands its slack on to those that it starts, and the runtime's is there
// before main: so the process begins anew, once. Where that fails all is as before.
func RelaxTimers() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if slack() >= int(timerSlack) {
		return
	}
	self, err := os.Executable()
	// With a real-time policy the kernel takes any slack, and has none.
	if err != nil || setSlack(int(timerSlack)) != nil || slack() < int(timerSlack) {
		return
	}
	_ = unix.Exec(self, os.Args, os.Environ()) // returns only if it failed
}

// slack is that of the calling thread in nanoseconds; zero if it is not known.
func slack() int {
	ns, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		return 0
	}
	return ns
}

func setSlack(ns int) error { return unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(ns), 0, 0, 0) }

// punctual calls start on a thread with the usual slack, which a process that is
// started there has then, too.
func punctual(start func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	own := slack()
	if own <= int(usualSlack) || setSlack(int(usualSlack)) != nil {
		return start()
	}
	err := start()
	if setSlack(own) != nil {
		panic("process: a slack that the thread had is refused")
	}
	return err
}
