//go:build unix && !linux

package main

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// lastSignal is the highest signal that all these systems have.
const lastSignal = syscall.Signal(31)

func reserved(syscall.Signal) bool { return false }

// guarded puts CMD into a process group of its own.
func guarded() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func readModes(fd int) (*unix.Termios, error) { return unix.IoctlGetTermios(fd, unix.TIOCGETA) }

func writeModes(fd int, modes *unix.Termios) error {
	return unix.IoctlSetTermios(fd, unix.TIOCSETA, modes)
}
