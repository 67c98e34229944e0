package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// sinceBoot reads CLOCK_BOOTTIME, which runs through suspend as the cluster's
// leases do, and is the same for all processes of the machine.
func sinceBoot() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic("lockctl: no CLOCK_BOOTTIME: " + err.Error())
	}
	return time.Duration(t.Nano())
}
