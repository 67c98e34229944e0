package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// A terminal is the one that controls lockctl's job. Nil is none.
type terminal struct {
	file *os.File
	// own is lockctl's process group.
	own int
	// wanted says that CMD is to have the terminal when lockctl has it. Whoever
	// writes to a pipe may have a pager at the other end that needs it more.
	wanted bool
	// modes are the terminal's when CMD started; nil if they could not be read.
	modes *unix.Termios
}

func openTerminal(out *os.File) *terminal {
	file, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	t := &terminal{file: file, own: unix.Getpgrp()}
	if out != nil {
		_, err := unix.IoctlGetWinsize(int(out.Fd()), unix.TIOCGWINSZ)
		t.wanted = err == nil
	}
	t.modes, _ = readModes(int(file.Fd()))
	return t
}

// mine says whether lockctl's group is in the foreground.
func (t *terminal) mine() bool { return t != nil && t.foreground() == t.own }

func (t *terminal) foreground() int {
	group, err := unix.IoctlGetInt(int(t.file.Fd()), unix.TIOCGPGRP)
	if err != nil {
		return 0 // the terminal is gone, which is nobody's
	}
	return group
}

// give makes the group the terminal's; it fails only if the terminal is gone.
func (t *terminal) give(group int) {
	_ = unix.IoctlSetPointerInt(int(t.file.Fd()), unix.TIOCSPGRP, group)
}

// take brings lockctl's group to the foreground if that group is there.
func (t *terminal) take(from int) {
	if t.foreground() == from {
		t.give(t.own)
	}
}

// restore undoes what a CMD that had to be killed has left: no echo, no lines.
func (t *terminal) restore() {
	if t != nil && t.modes != nil {
		_ = writeModes(int(t.file.Fd()), t.modes) // fails only if the terminal is gone
	}
}

func (t *terminal) close() {
	if t != nil {
		_ = t.file.Close()
	}
}
