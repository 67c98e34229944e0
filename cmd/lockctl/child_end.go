package main

import (
	"os"
	"syscall"
	"time"
)

const (
	// goneTime is how long lockctl waits for those whom KILL does not end at once,
	// such as a process in the middle of a write to a dead file server.
	goneTime = 5 * time.Second
	// firstLook and lastLook bound the pause between two looks whether CMD and all
	// it started have ended.
	firstLook = 2 * time.Millisecond
	lastLook  = 50 * time.Millisecond
)

// end ends CMD and all that descends from it: its soft signal first and KILL
// killAfter later, or when left, which tells how much time there is, says that
// there is none. It returns when nobody is left, on the clock sinceBoot, and
// whether KILL was needed. other is a process of lockctl's own.
func (c *child) end(left func() time.Duration, other int) (gone time.Duration, killed bool) {
	adoptOrphans()
	t := tribe{group: c.pid, root: os.Getpid(), not: other}
	told := make(map[int]bool)
	killAt := sinceBoot() + c.killAfter
	var giveUp time.Duration
	timer := time.NewTimer(0)
	defer timer.Stop()
	for look := firstLook; ; look = min(2*look, lastLook) {
		<-timer.C
		pids := t.living()
		now := sinceBoot()
		switch {
		case len(pids) == 0:
			<-c.ended
			return now, killed
		case killed && now >= giveUp:
			return now, killed
		case !killed && (now >= killAt || left() <= 0):
			killed, giveUp, look = true, now+goneTime, firstLook
		}
		if killed {
			c.kill(pids)
			timer.Reset(look)
			continue
		}
		c.ask(pids, told)
		timer.Reset(max(min(look, killAt-now, left()), 0))
	}
}

// ask sends the soft signal to those who were not told yet: some may have been
// started while the others were told. Who is stopped must run to obey.
func (c *child) ask(pids []int, told map[int]bool) {
	for _, pid := range pids {
		if !told[pid] {
			told[pid] = true
			_ = syscall.Kill(pid, c.soft) // it may have ended just now
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}
	}
}

// kill is sure to reach the group, even where nobody can list its members.
func (c *child) kill(pids []int) {
	c.signalGroup(syscall.SIGKILL)
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended just now
	}
}
