package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"lockd/client"
)

// execution is one "run".
type execution struct {
	*tool
	*holding
	c       *cli.Context
	report  *report
	cluster *client.Client
	deadman *deadman
	guard   *client.Guard
	// granted is when the lock was, on the clock sinceBoot.
	granted time.Duration
	local   *localLock
	// alone says that the deadman has failed.
	alone bool
}

func (t *tool) runAction(c *cli.Context) error {
	h, err := t.parseRun(c)
	if err != nil {
		return err
	}
	x := &execution{tool: t, holding: h, c: c, report: newReport(h)}
	if err := x.report.write(); err != nil {
		return &exitError{exitFailed, err}
	}
	err = x.run()
	x.report.finish(c.Context, err)
	return errors.Join(err, x.report.write())
}

// run takes the lock, runs the command and gives the lock back.
func (x *execution) run() error {
	var err error
	if x.cluster, err = x.connect(x.c, func(config *client.Config) {
		x.configure(config)
		config.Logger = slog.New(slog.NewTextHandler(x.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}); err != nil {
		return err
	}
	defer x.leave()
	if x.deadman, err = startDeadman(); err != nil {
		return fmt.Errorf("start what ends CMD if lockctl cannot: %w", err)
	}
	defer func() { x.deadman.dismiss() }()
	if x.local, err = x.takeLocal(); err != nil {
		return err
	}
	defer x.local.close()
	if x.guard, err = x.take(); err != nil {
		return err
	}
	x.granted = sinceBoot()
	x.acquired()
	return x.work()
}

// leave ends the session, if there is one: nothing stays held or queued.
func (x *execution) leave() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.c.Context), releaseTime)
	defer cancel()
	if err := x.cluster.Close(ctx); err != nil {
		x.say("%v", err)
	}
}

// acquired tells of the grant.
func (x *execution) acquired() {
	names, tokens := granted(x.guard)
	x.report.acquired(x.guard)
	if p := x.guard.Previous(); p != nil {
		x.say("%s", previousText(strings.ReplaceAll(names, "\n", ", "), p))
	}
	x.detail("run %s holds %s with token %s", x.holding.run, strings.ReplaceAll(names, "\n", ", "), strings.ReplaceAll(tokens, "\n", ", "))
}

// detail says what only --verbose wants to know.
func (x *execution) detail(format string, args ...any) {
	if x.verbose {
		x.say(format, args...)
	}
}

// work runs the command under the lock, and gives the lock back.
func (x *execution) work() error {
	child, err := x.startChild()
	if err != nil {
		x.giveBack()
		return err
	}
	if err := x.report.write(); err != nil {
		x.say("%v", err)
	}
	why := x.await(child)
	code, err := x.stop(child, why)
	x.report.ended(code, x.guard.Lease())
	if err != nil {
		return err
	}
	if why == overdue {
		x.say("%s was ended: --max-hold %v was over", x.argv[0], x.maxHold)
		x.giveBack()
		return &exitError{code: exitOverdue}
	}
	x.detail("%s ended with %d, %s before the end of the lease", x.argv[0], code, brief(x.guard.Lease()))
	x.linger()
	if !x.giveBack() {
		return &exitError{code: exitLost}
	}
	if code != 0 {
		return &exitError{code: code}
	}
	return nil
}

func (x *execution) startChild() (*child, error) {
	names, tokens := granted(x.guard)
	child := x.newChild(x.path, x.argv, environment(x.env, map[string]string{
		"LOCKD_REF": names, "LOCKD_RUN_ID": x.guard.Run(), "LOCKD_FENCE": tokens,
	}), x.killAfter)
	child.soft = x.soft
	child.mayGoOn = func() bool { return x.goOn || x.guard.Err() == nil }
	child.stopping = func() {
		x.say("stopped, and with it the keeping of the lock: unless continued within %s, %s will be ended", brief(x.guard.Left()), x.argv[0])
	}
	x.relay.redirect(child.signal)
	if x.c.Context.Err() != nil { // the signal came before
		close(child.ended)
		return nil, context.Cause(x.c.Context)
	}
	if err := x.local.inherit(); err != nil {
		close(child.ended)
		return nil, err
	}
	x.inform(sinceBoot())
	err := child.start()
	if err != nil {
		return nil, err
	}
	if err := x.deadman.watch(child.pid); err != nil {
		x.warnAlone(err)
	}
	x.report.PID = child.pid
	return child, nil
}

// outcome is why the wait for CMD is over.
type outcome int

const (
	ended outcome = iota
	lost
	overdue
)

// await waits until CMD has ended or must be ended, and keeps the deadman informed.
func (x *execution) await(child *child) outcome {
	look := min(x.ttl/6, time.Second)
	timer := time.NewTimer(0)
	defer timer.Stop()
	held, told := x.guard.Context().Done(), false
	for {
		select {
		case <-child.ended:
			return ended
		case <-held:
		case <-timer.C:
		}
		now := sinceBoot()
		if x.guard.Err() != nil && !told {
			if !x.goOn {
				return lost
			}
			x.say("the lock was lost while %s runs, which goes on: %v", x.argv[0], x.guard.Err())
			held, told = nil, true
		}
		if x.maxHold > 0 && now >= x.granted+x.maxHold {
			return overdue
		}
		x.inform(now)
		pause := look
		if x.maxHold > 0 {
			pause = min(pause, x.granted+x.maxHold-now)
		}
		timer.Reset(pause)
	}
}

// inform tells the deadman when CMD must have ended. It comes second to lockctl.
func (x *execution) inform(now time.Duration) {
	deadline := noDeadline
	if !x.goOn {
		deadline = (now + x.guard.Lease() - x.slack()*3/4).Truncate(time.Millisecond)
	}
	if err := x.deadman.until(deadline); err != nil {
		x.warnAlone(err)
	}
}

// warnAlone tells once that the deadman is gone; CMD goes on, as safe as lockctl is.
// After the loss of the lock it has gone because its work was done.
func (x *execution) warnAlone(err error) {
	if !x.alone && (x.goOn || x.guard.Err() == nil) {
		x.alone = true
		x.say("what ends %s if lockctl cannot has failed: %v", x.argv[0], err)
	}
}

// stop ends CMD if it must be, and returns its exit code. The error says that the
// lock was lost.
func (x *execution) stop(child *child, why outcome) (code int, err error) {
	if why == ended {
		// CMD may have been ended by the deadman, after lockctl was stopped.
		gone, acted := x.deadman.dismiss()
		x.deadman = nil
		code = child.wait()
		if !acted {
			return code, nil
		}
		return code, x.lost(gone, true)
	}
	left := func() time.Duration { return x.guard.Lease() - x.slack() }
	if x.goOn {
		left = func() time.Duration { return x.killAfter + 1 }
	}
	gone, killed := child.end(left, x.deadman.pid())
	if killed {
		child.tty.restore()
	}
	if at, acted := x.deadman.dismiss(); acted {
		gone, killed = min(gone, at), true
	}
	x.deadman = nil
	code = child.wait()
	if why == lost || x.guard.Err() != nil && !x.goOn {
		return code, x.lost(gone, killed)
	}
	return code, nil
}

// lost tells that CMD was ended because the lock was lost.
func (x *execution) lost(gone time.Duration, killed bool) error {
	cause := x.guard.Err()
	margin := x.guard.Lease() + (sinceBoot() - gone)
	x.report.lost(cause)
	x.report.margin(margin)
	by := x.soft
	if killed {
		by = syscall.SIGKILL
	}
	text := fmt.Sprintf("the lock was lost while %s ran, which was ended by %s: %v", x.argv[0], unix.SignalName(by), cause)
	if !errors.Is(cause, client.ErrTaken) && !errors.Is(cause, client.ErrSessionEnded) {
		text += fmt.Sprintf("; all had ended %s before another could get it", brief(margin))
	}
	x.say("%s", text)
	return &exitError{code: exitLost}
}

// granted lists the names, in canonical form and sorted, and their tokens.
func granted(guard *client.Guard) (names, tokens string) {
	have := guard.Tokens()
	sorted := sortedNames(have)
	values := make([]string, len(sorted))
	for i, name := range sorted {
		values[i] = strconv.FormatUint(have[name], 10)
	}
	return strings.Join(sorted, "\n"), strings.Join(values, "\n")
}

// giveBack returns false if the lock had been lost before.
func (x *execution) giveBack() bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.c.Context), releaseTime)
	defer cancel()
	err := x.guard.Release(ctx)
	switch {
	case errors.Is(err, client.ErrLost):
		x.report.lost(err)
		x.say("%s ended, but the lock had been lost before: %v", x.argv[0], err)
		return false
	case err != nil:
		x.say("%v", fmt.Errorf("the lock could not be given back and stays until its lease ends: %w", err))
	default:
		x.report.released()
	}
	return true
}

// brief is a duration for people.
func brief(d time.Duration) string { return span(d.Milliseconds()) }
