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

const diskRemedy = "the process ends so that the other members go on; check the disk (space, health, mount), then start the node again"

// write runs one write. After the first failure, or once one hung, it refuses
// every other.
func (w *watchdog) write(what string, write func() error) error {
	if w.failed.Load() {
		return fmt.Errorf("%w: an earlier write failed", ErrStore)
	}
	alarm := time.AfterFunc(w.limit, func() {
		w.bark(fmt.Errorf("%w: %s hangs for more than %s; %s", ErrStore, what, w.limit, diskRemedy))
	})
	err := write()
	alarm.Stop()
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%w: %s: %w; %s", ErrStore, what, err, diskRemedy)
	w.bark(err)
	return err
}

func (w *watchdog) bark(err error) {
	if w.failed.CompareAndSwap(false, true) {
		w.logger.Error("cannot go on", "error", err)
		w.fatal(err)
	}
}
