//go:build unix && !linux

package main

import (
	"context"
	"os"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
)

// An owner is the process for which a session is kept. Here it is known by its
// number only.
type owner struct {
	pid  int
	file *os.File
}

// openOwner finds the process that the flags name, or the calling shell.
func openOwner(c *cli.Context) (*owner, error) {
	o := &owner{pid: c.Int("pid")}
	if !c.IsSet("pid") {
		o.pid = os.Getppid()
	}
	if o.pid <= 1 || o.gone() {
		return nil, usageError("%s: --pid %d: there is no such process", c.Command.HelpName, o.pid)
	}
	return o, nil
}

func (o *owner) gone() bool { return syscall.Kill(o.pid, 0) == syscall.ESRCH }

// wait waits until the owner has ended or the time is over, and looks every second.
func (o *owner) wait(ctx context.Context, most time.Duration) (ended bool, err error) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for end := sinceBoot() + most; ; {
		if gone := o.gone(); gone || sinceBoot() >= end {
			return gone, nil
		}
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

func (o *owner) close() {}

// detached keeps the terminal's signals away.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
