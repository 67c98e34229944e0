package main

import "golang.org/x/sys/unix"

// testEvent is what every Linux counts, virtual machines too: nanoseconds of
// processor time.
var testEvent = event{unix.PERF_TYPE_SOFTWARE, unix.PERF_COUNT_SW_TASK_CLOCK}
