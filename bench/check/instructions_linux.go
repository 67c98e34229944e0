package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// event is what the kernel counts.
type event struct {
	kind   uint32
	config uint64
}

var hardwareInstructions = event{unix.PERF_TYPE_HARDWARE, unix.PERF_COUNT_HW_INSTRUCTIONS}

// countDuring counts an event in user mode in the processes that run starts on its
// own goroutine and waits for. An error that is errors.ErrUnsupported says that
// this machine does not count it, and that run was not called.
func countDuring(what event, run func() error) (count uint64, err error) {
	// A process inherits the counter of the thread that starts it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	attr := unix.PerfEventAttr{
		Type: what.kind, Config: what.config, Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{})),
		Bits: unix.PerfBitDisabled | unix.PerfBitInherit | unix.PerfBitEnableOnExec | unix.PerfBitExcludeKernel | unix.PerfBitExcludeHv,
	}
	fd, err := unix.PerfEventOpen(&attr, 0, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return 0, fmt.Errorf("%w: perf_event_open: %w", errors.ErrUnsupported, err)
	}
	defer unix.Close(fd)
	if err := run(); err != nil {
		return 0, err
	}
	var buf [8]byte
	if n, err := unix.Read(fd, buf[:]); err != nil || n != len(buf) {
		return 0, fmt.Errorf("read %d bytes of the counter: %w", n, err)
	}
	return binary.NativeEndian.Uint64(buf[:]), nil
}
