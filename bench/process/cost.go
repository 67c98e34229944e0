package process

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tick is the unit of CPU time in /proc: the kernel's USER_HZ is 100 wherever
// Go runs.
const tick = 10 * time.Millisecond

var errFormat = errors.New("not in the form that proc(5) describes")

// CPU returns the time that all threads of the process have run so far, in user
// and kernel mode, in steps of 10 ms.
func (p *Process) CPU() (time.Duration, error) {
	path := fmt.Sprintf("/proc/%d/stat", p.PID())
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	cpu, err := parseStat(string(text))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return cpu, nil
}

// Resident returns how many bytes of the process's memory are in RAM.
func (p *Process) Resident() (int64, error) {
	path := fmt.Sprintf("/proc/%d/statm", p.PID())
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	pages, err := parseStatm(string(text))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return pages * int64(os.Getpagesize()), nil
}

// parseStat adds utime and stime: fields 14 and 15. Field 2 is the program's
// name in parentheses and may hold anything, parentheses and spaces too.
func parseStat(text string) (time.Duration, error) {
	const utime, stime = 14 - 3, 15 - 3
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) <= stime {
		return 0, errFormat
	}
	user, err := strconv.ParseInt(fields[utime], 10, 64)
	if err != nil {
		return 0, errFormat
	}
	kernel, err := strconv.ParseInt(fields[stime], 10, 64)
	if err != nil {
		return 0, errFormat
	}
	return time.Duration(user+kernel) * tick, nil
}

// parseStatm returns the resident pages: field 2.
func parseStatm(text string) (int64, error) {
	fields := strings.Fields(text)
	if len(fields) < 2 {
		return 0, errFormat
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0, errFormat
	}
	return pages, nil
}

// OwnCPU returns the CPU time of the process that calls it.
func OwnCPU() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, err
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}
