package client

import (
	"time"

	"golang.org/x/sys/unix"
)

// bootClock is CLOCK_BOOTTIME (clock_gettime(2)).
type bootClock struct{}

func newClock() clock { return bootClock{} }

// Now panics if the kernel has no such clock, which every Linux since 2.6.39 has:
// without one a lease would be a guess.
func (bootClock) Now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic("client: no CLOCK_BOOTTIME: " + err.Error())
	}
	return time.Duration(t.Nano())
}
