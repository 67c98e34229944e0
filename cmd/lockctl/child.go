package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// child is CMD: a process group of its own, started without a shell, with
// lockctl's own files and, if lockctl has it, the terminal.
type child struct {
	path    string
	command []string
	env     []string
	files   []*os.File
	// soft is the signal that asks CMD to end; killAfter is what CMD has from then
	// until KILL.
	soft      syscall.Signal
	killAfter time.Duration
	// mayGoOn says whether a stopped CMD may be continued; nil is always.
	mayGoOn func() bool
	// stopping is called before lockctl stops with CMD; nil does nothing.
	stopping func()

	tty   *terminal
	relay *relay
	pid   int
	// continued is there while lockctl is stopped, and closed when it goes on.
	continued atomic.Pointer[chan struct{}]
	// started is closed once CMD can be signalled, ended once it cannot any more.
	started, ended chan struct{}
	// status is how CMD has ended.
	status syscall.WaitStatus
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

// newChild returns CMD with lockctl's own standard files.
func (t *tool) newChild(path string, command, env []string, killAfter time.Duration) *child {
	c := &child{
		path: path, command: command, env: env, soft: syscall.SIGTERM, killAfter: killAfter, relay: t.relay,
		started: make(chan struct{}), ended: make(chan struct{}),
	}
	for _, stream := range []any{t.stdin, t.stdout, t.stderr} {
		file, _ := stream.(*os.File) // nil, that is closed, for anything else
		c.files = append(c.files, file)
	}
	return c
}

// start starts CMD. The calling goroutine stays on its thread until wait: CMD is
// told to die with the thread that started it.
func (c *child) start() error {
	runtime.LockOSThread()
	c.tty = openTerminal(c.files[1])
	attributes := guarded()
	if c.tty.mine() && c.tty.wanted {
		attributes.Foreground, attributes.Ctty = true, int(c.tty.file.Fd())
	}
	process, err := os.StartProcess(c.path, c.command, &os.ProcAttr{Env: c.env, Files: c.files, Sys: attributes})
	if err != nil {
		runtime.UnlockOSThread()
		if attributes.Foreground {
			signal.Ignore(syscall.SIGTTOU)
			c.tty.give(c.tty.own) // which CMD may have taken before it failed
			signal.Reset(syscall.SIGTTOU)
		}
		c.tty.close()
		close(c.ended)
		if errors.Is(err, fs.ErrNotExist) {
			return &exitError{exitNotFound, err}
		}
		return &exitError{exitCannot, err}
	}
	c.pid = process.Pid
	_ = process.Release() // never fails; CMD is waited for by its number
	if c.tty != nil {
		// Not in the foreground any more, lockctl must still be able to speak. CMD
		// was started before, so that it does not inherit this.
		signal.Ignore(syscall.SIGTTOU)
	}
	close(c.started)
	go c.reap()
	return nil
}

// reap waits for CMD's end, and stops with it.
func (c *child) reap() {
	defer close(c.ended)
	for {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(c.pid, &status, syscall.WUNTRACED, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			panic("lockctl: wait for its own child: " + err.Error())
		case status.Stopped():
			c.stopped(status.StopSignal())
		default:
			c.status = status
			return
		}
	}
}

// wait waits for CMD's end, brings lockctl back to the foreground and returns the
// exit code: CMD's own, or 128+n after signal n.
func (c *child) wait() int {
	defer runtime.UnlockOSThread()
	<-c.ended
	if c.tty != nil {
		c.tty.take(c.pid)
		signal.Reset(syscall.SIGTTOU)
		c.tty.close()
	}
	if c.status.Signaled() {
		return exitSignal + int(c.status.Signal())
	}
	return c.status.ExitStatus()
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
	switch s {
	case syscall.SIGCONT:
		if asleep := c.continued.Swap(nil); asleep != nil {
			close(*asleep) // stopped resumes it
			return
		}
		c.resume()
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT:
		c.signalGroup(s)
		c.resume()
	default:
		c.signalGroup(s)
	}
}

// signalGroup fails only when nobody of the group is left.
func (c *child) signalGroup(s syscall.Signal) { _ = syscall.Kill(-c.pid, s) }

// stopped deals with a CMD that has stopped. If the terminal did it, lockctl's
// whole job stops as well, and hands the terminal back to the shell before. If
// somebody has merely frozen CMD, lockctl goes on to keep the lock.
func (c *child) stopped(by syscall.Signal) {
	if c.tty == nil || by == syscall.SIGSTOP {
		return
	}
	if by != syscall.SIGTSTP && c.tty.mine() {
		c.tty.wanted = true // CMD wants the terminal, and lockctl has it
		c.resume()
		return
	}
	if orphaned() {
		c.resume() // there is no shell that would continue it
		return
	}
	c.tty.take(c.pid)
	if c.stopping != nil {
		c.stopping()
	}
	continued := make(chan struct{})
	c.continued.Store(&continued)
	c.relay.drop(syscall.SIGTSTP)
	_ = syscall.Kill(0, syscall.SIGTSTP)           // for the rest of the job
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) // neither can fail, nor stops at once
	<-continued
	c.relay.catch(syscall.SIGTSTP)
	c.resume()
}

// orphaned says whether nobody could continue lockctl's group if it stopped: no
// ancestor of the same session is outside of it (setpgid(2)).
func orphaned() bool {
	group, pid := syscall.Getpgrp(), os.Getppid()
	session, err := unix.Getsid(0)
	if err != nil {
		return true
	}
	for pid > 1 {
		if theirs, err := syscall.Getpgid(pid); err != nil || theirs != group {
			s, err := unix.Getsid(pid)
			return err != nil || s != session
		}
		pid = parentOf(pid)
	}
	return true
}

// resume continues a stopped CMD, in the foreground if lockctl is there. The shell
// continues only lockctl's own group: so CMD stays stopped if the lease is over.
func (c *child) resume() {
	if c.mayGoOn != nil && !c.mayGoOn() {
		return
	}
	if c.tty != nil && c.tty.wanted && c.tty.mine() {
		c.tty.give(c.pid)
	}
	c.signalGroup(syscall.SIGCONT)
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
