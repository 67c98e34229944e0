//go:build unix && !linux

package main

import "syscall"

// lastSignal is the highest signal that all these systems have.
const lastSignal = syscall.Signal(31)

func reserved(syscall.Signal) bool { return false }

// guarded puts CMD into a process group of its own.
func guarded() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
