package cluster

import (
	"errors"
	"io"
	"path/filepath"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// durableSnapshots syncs the folder of each new snapshot, which raft's own store
// does not: after a power cut the log would be cut, and the folder be empty. It
// also removes the old ones, which raft's own would do at once.
type durableSnapshots struct {
	raft.SnapshotStore
	reaper *reaper
}

// openSnapshots opens the snapshots in the data directory.
func openSnapshots(dir string, logger hclog.Logger) (durableSnapshots, error) {
	store, err := raft.NewFileSnapshotStoreWithLogger(dir, snapshotsKept+1, logger)
	if err != nil {
		return durableSnapshots{}, err
	}
	r := &reaper{snapshots: store, folder: filepath.Join(dir, snapshotsFolder), logger: logger, stop: make(chan struct{})}
	if err := r.condemn(); err != nil {
		return durableSnapshots{}, err
	}
	r.begin()
	return durableSnapshots{SnapshotStore: store, reaper: r}, nil
}

// List returns those that are kept, the newest first.
func (s durableSnapshots) List() ([]*raft.SnapshotMeta, error) {
	found, err := s.SnapshotStore.List()
	return found[:min(len(found), snapshotsKept)], err
}

// Open counts who reads: nothing is taken off a file's end meanwhile.
func (s durableSnapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	s.reaper.readers.Add(1)
	meta, from, err := s.SnapshotStore.Open(id)
	if err != nil {
		s.reaper.readers.Add(-1)
		return nil, nil, err
	}
	return meta, &countedReader{ReadCloser: from, closed: sync.OnceFunc(func() { s.reaper.readers.Add(-1) })}, nil
}

type countedReader struct {
	io.ReadCloser
	closed func()
}

func (r *countedReader) Close() error {
	defer r.closed()
	return r.ReadCloser.Close()
}

// Create syncs the folder with its two files before it gets its final name. The
// sink hands the disk piece by piece what it is given.
func (s durableSnapshots) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration,
	configurationIndex uint64, trans raft.Transport,
) (raft.SnapshotSink, error) {
	sink, err := s.SnapshotStore.Create(version, index, term, configuration, configurationIndex, trans)
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(s.reaper.folder, sink.ID()+unfinished)
	if err := syncDirectory(folder); err != nil {
		return nil, errors.Join(err, sink.Cancel())
	}
	steadied, err := steady(sink, folder, s.reaper.begin)
	if err != nil {
		return nil, errors.Join(err, sink.Cancel())
	}
	return steadied, nil
}
