package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// child is CMD: a process group of its own, started without a shell, with
// lockctl's own files and, if lockctl has it, the terminal.
type child struct {
	cmd *exec.Cmd
	// killAfter is what CMD has between TERM and KILL when its lock is lost.
	killAfter time.Duration
	// started is closed once CMD can be signalled, ended once it cannot any more.
	started, ended chan struct{}
	// terminal is the terminal that CMD has in the foreground, or -1.
	terminal int
}

// findCommand resolves CMD before anything is locked for it.
func findCommand(name string) (string, error) {
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path, nil
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return "", &exitError{exitNotFound, fmt.Errorf("%s is not found: %w", name, err)}
	}
	return "", &exitError{exitCannot, fmt.Errorf("%s cannot be executed: %w", name, err)}
}

func (t *tool) newChild(path string, command, env []string, killAfter time.Duration) *child {
	return &child{
		cmd: &exec.Cmd{
			Path: path, Args: command, Env: env,
			Stdin: t.stdin, Stdout: t.stdout, Stderr: t.stderr,
			SysProcAttr: guarded(),
		},
		killAfter: killAfter, started: make(chan struct{}), ended: make(chan struct{}), terminal: -1,
	}
}

// start starts CMD. The calling goroutine stays on its thread until wait: CMD is
// told to die with the thread that started it.
func (c *child) start() error {
	runtime.LockOSThread()
	if own, err := unix.IoctlGetInt(0, unix.TIOCGPGRP); err == nil && own == unix.Getpgrp() {
		c.terminal = 0
		c.cmd.SysProcAttr.Foreground = true
		c.cmd.SysProcAttr.Ctty = c.terminal
	}
	if err := c.cmd.Start(); err != nil {
		runtime.UnlockOSThread()
		close(c.ended)
		if errors.Is(err, fs.ErrNotExist) {
			return &exitError{exitNotFound, err}
		}
		return &exitError{exitCannot, err}
	}
	if c.terminal >= 0 {
		// Not in the foreground any more, lockctl must still be able to speak.
		signal.Ignore(syscall.SIGTTOU)
	}
	close(c.started)
	return nil
}

// signal sends s to CMD and all that it started, unless CMD has ended; it waits for
// CMD's start. A stopped group is woken if it is to end.
func (c *child) signal(s syscall.Signal) {
	select {
	case <-c.started:
	case <-c.ended:
	}
	select {
	case <-c.ended:
		return
	default:
	}
	c.signalGroup(s)
	if s == syscall.SIGTERM || s == syscall.SIGINT || s == syscall.SIGHUP || s == syscall.SIGQUIT {
		c.signalGroup(syscall.SIGCONT)
	}
}

// signalGroup fails only when nobody of the group is left.
func (c *child) signalGroup(s syscall.Signal) { _ = syscall.Kill(-c.cmd.Process.Pid, s) }

// wait waits until CMD has ended and returns its exit code, 128+n after signal n.
// When held ends before, CMD's whole group is ended: TERM, and KILL when
// killAfter is over. Lost says that this happened.
func (c *child) wait(held context.Context) (code int, lost bool) {
	defer runtime.UnlockOSThread()
	go func() {
		defer close(c.ended)
		_ = c.cmd.Wait() // how it ended is in ProcessState
	}()
	select {
	case <-c.ended:
	case <-held.Done():
		c.signal(syscall.SIGTERM)
		timer := time.NewTimer(c.killAfter)
		defer timer.Stop()
		select {
		case <-c.ended:
		case <-timer.C:
		}
		// Those whom CMD leaves behind would go on without the lock.
		c.signalGroup(syscall.SIGKILL)
		<-c.ended
	}
	c.takeTerminal()
	return c.code(), held.Err() != nil
}

// takeTerminal brings lockctl back to the foreground.
func (c *child) takeTerminal() {
	if c.terminal < 0 {
		return
	}
	_ = unix.IoctlSetPointerInt(c.terminal, unix.TIOCSPGRP, unix.Getpgrp()) // fails only if the terminal is gone
	signal.Reset(syscall.SIGTTOU)
}

func (c *child) code() int {
	status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return exitSignal + int(status.Signal())
	}
	return c.cmd.ProcessState.ExitCode()
}

// environment is lockctl's own with the lock's variables set.
func environment(own []string, variables map[string]string) []string {
	env := make([]string, 0, len(own)+len(variables))
	for _, e := range own {
		if name, _, _ := strings.Cut(e, "="); variables[name] == "" {
			env = append(env, e)
		}
	}
	for _, name := range []string{"LOCKD_REF", "LOCKD_RUN_ID", "LOCKD_FENCE"} {
		env = append(env, name+"="+variables[name])
	}
	return env
}
