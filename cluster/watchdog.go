package cluster

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
)

// watchdog stands guard over writes to disk. A write that failed must not be
// tried again: after a failed fsync the kernel may have dropped the pages and
// report success the next time. A write that hangs would leave a leader that
// keeps its lease and serves nobody. In both cases the process has to end, and
// the other members go on.
type watchdog struct {
	limit  time.Duration
	fatal  func(error)
	logger hclog.Logger
	failed atomic.Bool
}

// What an operator has to do; docs/RECOVERY.md says it at length.
const (
	diskRemedy = "the process ends so that the other members go on; check the disk (space, health, mount), then start the node again"
	openRemedy = "check the disk (space, health, mount, permissions), then start the node again"
	syncRemedy = "this node must not go on with it; once all other members are up and have applied the same index under one leader " +
		"(lockctl status), and not before, move the whole directory away and start the node with an empty one: " +
		"it gets everything from the leader (docs/RECOVERY.md)"
)

// damage ends the process because what was stored has changed, and does not
// return: raft would panic or go on without what it asked for.
func (w *watchdog) damage(err error) {
	w.bark(err)
	select {}
}

// write runs one write. After the first failure, or once one hung, it refuses
// every other.
func (w *watchdog) write(what string, write func() error) error {
	if w.failed.Load() {
		return fmt.Errorf("%w: an earlier write failed", ErrStore)
	}
	var over atomic.Bool
	alarm := w.watch(what, &over, alarmBeats)
	err := write()
	over.Store(true)
	alarm.Stop()
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%w: %s: %w; %s", ErrStore, what, err, diskRemedy)
	w.bark(err)
	return err
}

// watch barks when a write is not over after that many beats. Each counts once,
// however late it comes: a process that was stopped blames no disk for that time.
func (w *watchdog) watch(what string, over *atomic.Bool, beats int) *time.Timer {
	return time.AfterFunc(w.limit/alarmBeats, func() { w.beat(what, over, beats) })
}

func (w *watchdog) beat(what string, over *atomic.Bool, beats int) {
	switch {
	case over.Load():
	case beats > 1:
		w.watch(what, over, beats-1)
	default:
		w.bark(fmt.Errorf("%w: %s hangs for more than %s; %s", ErrStore, what, w.limit, diskRemedy))
	}
}

func (w *watchdog) bark(err error) {
	if w.failed.CompareAndSwap(false, true) {
		w.logger.Error("cannot go on", "error", err)
		w.fatal(err)
	}
}
