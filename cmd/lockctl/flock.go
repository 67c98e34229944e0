package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A localLock is a lock of flock(2). Nil is none.
type localLock struct {
	file *os.File
	took time.Duration
}

// takeLocal takes the lock that --flock names, before the cluster's: who waits for
// another program of this machine keeps no other machine waiting. It is shared if
// the cluster's is. A FILE that does not exist is made, as flock(1) does.
func (x *execution) takeLocal() (*localLock, error) {
	if x.flock == "" {
		return nil, nil
	}
	file, err := os.OpenFile(x.flock, os.O_RDONLY|os.O_CREATE|syscall.O_NOCTTY, 0o666)
	if errors.Is(err, syscall.EISDIR) {
		file, err = os.Open(x.flock)
	}
	if err != nil {
		return nil, &exitError{exitFailed, fmt.Errorf("--flock: %w", err)}
	}
	l := &localLock{file: file}
	began := sinceBoot()
	if err := x.waitLocal(file); err != nil {
		l.close()
		return nil, err
	}
	l.took = sinceBoot() - began
	return l, nil
}

func (x *execution) waitLocal(file *os.File) error {
	how := unix.LOCK_EX
	if x.shared {
		how = unix.LOCK_SH
	}
	fd := int(file.Fd())
	err := unix.Flock(fd, how|unix.LOCK_NB)
	if err == nil {
		return nil
	}
	if !errors.Is(err, unix.EWOULDBLOCK) {
		return &exitError{exitFailed, fmt.Errorf("--flock %s: %w", x.flock, err)}
	}
	occupied := &exitError{x.conflict, fmt.Errorf("occupied: another program of this machine has locked %s", x.flock)}
	if !x.forever && x.wait <= 0 {
		return occupied
	}
	x.say("waiting for the lock of %s, which another program of this machine has", x.flock)
	// Nothing interrupts this call. Whoever gives it up ends the process, and with
	// it the goroutine.
	granted := make(chan error, 1)
	go func() { granted <- unix.Flock(fd, how) }()
	var late <-chan time.Time
	if !x.forever {
		timer := time.NewTimer(x.wait)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case err := <-granted:
		if err != nil {
			return &exitError{exitFailed, fmt.Errorf("--flock %s: %w", x.flock, err)}
		}
		return nil
	case <-late:
		return occupied
	case <-x.c.Context.Done():
		return x.c.Context.Err()
	}
}

// waited is how much of --wait the lock has cost.
func (l *localLock) waited() time.Duration {
	if l == nil {
		return 0
	}
	return l.took
}

// inherit hands the lock on to CMD and all it starts, as flock(1) does: it ends
// with the last of them.
func (l *localLock) inherit() error {
	if l == nil {
		return nil
	}
	if _, err := unix.FcntlInt(l.file.Fd(), unix.F_SETFD, 0); err != nil {
		return &exitError{exitFailed, fmt.Errorf("--flock: %w", err)}
	}
	return nil
}

func (l *localLock) close() {
	if l != nil {
		_ = l.file.Close() // nothing was written
	}
}
