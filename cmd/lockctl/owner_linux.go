package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
)

// An owner is the process for which a session is kept. Its file is a pidfd, which
// stands for that process and never for another that gets the same number.
type owner struct {
	pid  int
	file *os.File
}

// openOwner finds the process that the flags name, or the calling shell.
func openOwner(c *cli.Context) (*owner, error) {
	o := &owner{pid: c.Int("pid")}
	if c.IsSet("owner-fd") {
		o.file = os.NewFile(uintptr(c.Int("owner-fd")), "owner")
		return o, nil
	}
	if !c.IsSet("pid") {
		o.pid = os.Getppid()
	}
	fd, err := unix.PidfdOpen(o.pid, 0)
	if err != nil {
		return nil, usageError("%s: --pid %d: %w", c.Command.HelpName, o.pid, err)
	}
	o.file = os.NewFile(uintptr(fd), "owner")
	if !c.IsSet("pid") && (o.pid <= 1 || os.Getppid() != o.pid) {
		return nil, usageError("%s: the calling shell has ended: give --pid", c.Command.HelpName)
	}
	return o, nil
}

// wait waits until the owner has ended or the time is over.
func (o *owner) wait(ctx context.Context, most time.Duration) (ended bool, err error) {
	wake, wakened, err := os.Pipe()
	if err != nil {
		return false, err
	}
	defer wake.Close()
	stop := context.AfterFunc(ctx, func() { _ = wakened.Close() })
	defer func() {
		if stop() {
			_ = wakened.Close()
		}
	}()
	fds := []unix.PollFd{{Fd: int32(o.file.Fd()), Events: unix.POLLIN}, {Fd: int32(wake.Fd()), Events: unix.POLLIN}}
	_, err = unix.Poll(fds, int(most.Milliseconds()))
	switch {
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case err != nil && !errors.Is(err, unix.EINTR):
		return false, fmt.Errorf("wait for process %d: %w", o.pid, err)
	}
	return err == nil && fds[0].Revents != 0, nil
}

func (o *owner) close() { _ = o.file.Close() }

// detached keeps the terminal's signals away.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
