package main

import (
	"context"
	"syscall"
	"time"
)

// lingerLook bounds how late a machine that was suspended notices that --min-hold
// is over.
const lingerLook = time.Second

// linger keeps the lock until --min-hold is over: after a CMD that took no time,
// another machine whose clock is behind would run it again. It ends early with a
// signal, and with the lock: CMD has ended by then, so that neither is a failure.
func (x *execution) linger() {
	end := x.granted + x.minHold
	if sinceBoot() >= end || x.guard.Err() != nil {
		return
	}
	ctx, cancel := context.WithCancelCause(x.guard.Context())
	defer cancel(nil)
	x.relay.redirect(func(s syscall.Signal) {
		if endsCommands(s) {
			cancel(interrupted{s})
		}
	})
	x.detail("the lock is kept for another %s (--min-hold)", brief(end-sinceBoot()))
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			x.say("--min-hold ends %s early: %v", brief(end-sinceBoot()), context.Cause(ctx))
			return
		case <-timer.C:
		}
		left := end - sinceBoot()
		if left <= 0 {
			return
		}
		timer.Reset(min(left, lingerLook))
	}
}

// endsCommands says whether the signal ends a command that does not care.
func endsCommands(s syscall.Signal) bool {
	for _, one := range ending {
		if one == s {
			return true
		}
	}
	return false
}
