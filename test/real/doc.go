// Package real runs clusters of real lockd processes on this machine, for tests
// and measurements: real binaries, ports and disks, which can be killed, stopped,
// paused and started again.
//
// Only processes that the package started are ever signalled. All of them end
// with the test, and with the test's own process.
package real
