package cluster

import (
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft"
)

// Nobody waits for a snapshot, but everybody for the processor and the disk that
// it is written with. So it takes a quarter of one processor, in short stints, and
// the disk gets it piece by piece instead of all at its end, beside the log's own
// syncs.

// pacer spreads the writing of snapshots over time. It belongs to the goroutine
// that writes them.
type pacer struct {
	clock func() time.Time
	// stop, once closed, ends all pauses.
	stop <-chan struct{}
	// resumed is when the last pause ended.
	resumed time.Time
}

// pause pauses if the stint since the last time was long enough.
func (p *pacer) pause() {
	stint := p.clock().Sub(p.resumed)
	if stint < snapshotStint {
		return
	}
	sleep(min(3*stint, snapshotPause), p.stop)
	p.resumed = p.clock()
}

// sleep returns after d, or once stop is closed.
func sleep(d time.Duration, stop <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-stop:
	}
}

// steadySink has the disk write what it was given since the last time, while it
// takes more, and waits for what came before that: when the file is synced at its
// end, little is left to be written.
type steadySink struct {
	raft.SnapshotSink
	file *os.File
	// completed is called when the snapshot is complete.
	completed func()
	// written is the file's size at least, less what raft still has in memory;
	// begun is up to where the disk was told to write, done where that has ended.
	written, begun, done int64
}

// steady returns the sink of the snapshot in that folder. What cannot be written
// early is written by the sync at the end, which also reports what failed before.
func steady(sink raft.SnapshotSink, folder string, completed func()) (raft.SnapshotSink, error) {
	file, err := os.Open(filepath.Join(folder, snapshotFile))
	if err != nil {
		return nil, err
	}
	return &steadySink{SnapshotSink: sink, file: file, completed: completed}, nil
}

func (s *steadySink) Write(b []byte) (int, error) {
	n, err := s.SnapshotSink.Write(b)
	s.written += int64(n)
	if err == nil && s.written-s.begun >= snapshotSyncBytes {
		awaitWritten(s.file, s.done, s.begun-s.done)
		beginWriting(s.file, s.begun, s.written-s.begun)
		s.done, s.begun = s.begun, s.written
	}
	return n, err
}

// Close and Cancel close the file first: nothing more is to be read of it.
func (s *steadySink) Close() error {
	s.file.Close()
	err := s.SnapshotSink.Close()
	if err == nil {
		s.completed()
	}
	return err
}

// Cancel implements raft.SnapshotSink.
func (s *steadySink) Cancel() error {
	s.file.Close()
	return s.SnapshotSink.Cancel()
}
