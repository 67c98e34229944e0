package cluster

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// reaper removes snapshots that nobody needs, bit by bit: a file that goes at once
// takes its blocks with it at once, and whoever syncs meanwhile waits for that. One
// of 130 MB held up the log for 20 to 30 ms on a disk with nothing else to do.
type reaper struct {
	snapshots raft.SnapshotStore
	// folder has the snapshots.
	folder string
	logger hclog.Logger
	stop   chan struct{}
	// readers is how many snapshots are being read: perhaps one that is to go.
	readers atomic.Int32

	// mu is held by whoever removes; running are all who do, or are about to.
	mu      sync.Mutex
	running sync.WaitGroup
}

// condemn marks what a process that was killed has left unfinished. It must be
// called before any snapshot is begun.
func (r *reaper) condemn() error {
	left, err := r.named(unfinished)
	for _, folder := range left {
		if !strings.HasSuffix(folder, condemned) {
			err = errors.Join(err, os.Rename(folder, strings.TrimSuffix(folder, unfinished)+condemned))
		}
	}
	return err
}

// begin removes, on a goroutine of its own, all but the newest snapshots, and what
// was condemned before.
func (r *reaper) begin() {
	r.running.Go(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if err := r.reap(); err != nil {
			r.logger.Warn("an old snapshot was not removed", "error", err)
		}
	})
}

// close ends what is under way. Nobody may begin a snapshot any more.
func (r *reaper) close() {
	close(r.stop)
	r.running.Wait()
}

// reap gives what is to go a name that raft does not look at, before anything of it
// is gone.
func (r *reaper) reap() error {
	found, err := r.snapshots.List()
	if err != nil {
		return err
	}
	for _, old := range found[min(len(found), snapshotsKept):] {
		path := filepath.Join(r.folder, old.ID)
		if err := os.Rename(path, path+condemned); err != nil {
			return err
		}
	}
	if err := syncDirectory(r.folder); err != nil {
		return err
	}
	doomed, err := r.named(condemned)
	for _, folder := range doomed {
		err = errors.Join(err, r.remove(folder))
	}
	return err
}

// remove removes a folder, its large file bit by bit from the end, or at once if
// somebody may be reading it. If the node stops, the rest stays for the next start.
func (r *reaper) remove(folder string) error {
	path := filepath.Join(folder, snapshotFile)
	var size int64
	if file, err := os.Stat(path); err == nil && r.readers.Load() == 0 {
		size = file.Size()
	}
	for size > snapshotReapBytes {
		size -= snapshotReapBytes
		if err := os.Truncate(path, size); err != nil {
			return err
		}
		sleep(snapshotReapPause, r.stop)
		select {
		case <-r.stop:
			return nil
		default:
		}
	}
	return os.RemoveAll(folder)
}

// named returns the folders whose names end so.
func (r *reaper) named(suffix string) ([]string, error) {
	entries, err := os.ReadDir(r.folder)
	var folders []string
	for _, entry := range entries {
		if entry.IsDir() && strings.HasSuffix(entry.Name(), suffix) {
			folders = append(folders, filepath.Join(r.folder, entry.Name()))
		}
	}
	return folders, err
}
