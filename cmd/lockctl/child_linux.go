package main

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// lastSignal is the highest real-time signal.
const lastSignal = syscall.Signal(64)

// reserved signals belong to the C library (signal(7)).
func reserved(s syscall.Signal) bool { return s == 32 || s == 33 }

// guarded puts CMD into a process group of its own, and lets it die with
// lockctl: nobody would keep its lease.
func guarded() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func readModes(fd int) (*unix.Termios, error) { return unix.IoctlGetTermios(fd, unix.TCGETS) }

func writeModes(fd int, modes *unix.Termios) error {
	return unix.IoctlSetTermios(fd, unix.TCSETS, modes)
}
