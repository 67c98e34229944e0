package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Stores are where raft keeps what must survive.
type Stores struct {
	Log       raft.LogStore
	Stable    raft.StableStore
	Snapshots raft.SnapshotStore
	// Close is called once nothing uses the stores any more; may be nil.
	Close func() error
}

const logFile = "raft.db"

// openStores opens the files in the data directory and thereby locks it.
func openStores(c *Config) (*Stores, error) {
	if err := makeDirectory(c.DataDir); err != nil {
		return nil, fmt.Errorf("data directory: %w; %s", err, openRemedy)
	}
	bolt, err := openLog(c)
	if err != nil {
		return nil, err
	}
	snapshots, err := openSnapshots(c.DataDir, c.Logger.Named("snapshot"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open snapshots in %s: %w; %s", c.DataDir, err, openRemedy), bolt.Close())
	}
	stores := &Stores{Log: bolt, Stable: bolt, Snapshots: snapshots}
	stores.Close = func() error {
		snapshots.reaper.close()
		return bolt.Close()
	}
	if c.LogStore == LogWAL {
		log, err := openWAL(c, bolt)
		if err != nil {
			return nil, errors.Join(err, stores.Close())
		}
		closeRest := stores.Close
		stores.Log = log
		stores.Close = func() error { return errors.Join(log.Close(), closeRest()) }
	}
	return stores, nil
}

// openLog opens the file that has the log and the votes, once its pages are
// known to be sound.
func openLog(c *Config) (*raftboltdb.BoltStore, error) {
	path := filepath.Join(c.DataDir, logFile)
	err := checkPages(path, c.Timing.FileLock)
	var bolt *raftboltdb.BoltStore
	if err == nil {
		bolt, err = raftboltdb.New(raftboltdb.Options{
			Path:        path,
			BoltOptions: &bbolt.Options{NoFreelistSync: true, FreelistType: bbolt.FreelistMapType, Timeout: c.Timing.FileLock},
		})
	}
	switch {
	case err == nil:
		return bolt, nil
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("%w: another process holds %s; stop it, or give this node a directory of its own", ErrDirectoryInUse, path)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, bolterrors.ErrChecksum):
		return nil, fmt.Errorf("%w: %s: %w; %s", ErrDamaged, path, err, syncRemedy)
	case errors.Is(err, ErrDamaged):
		return nil, fmt.Errorf("%w; %s", err, syncRemedy)
	default:
		return nil, fmt.Errorf("open %s: %w; %s", path, err, openRemedy)
	}
}

// makeDirectory makes the data directory, and makes it last before anything is in
// it: a power cut must not take it away once votes are.
func makeDirectory(dir string) error {
	dir = filepath.Clean(dir)
	parents := []string{filepath.Dir(dir)}
	for !exists(parents[0]) {
		parents = slices.Insert(parents, 0, filepath.Dir(parents[0]))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if exists(filepath.Join(dir, logFile)) {
		return nil
	}
	for _, parent := range parents {
		// Who may not read the parent has not made the directory either.
		if err := syncDirectory(parent); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// monotonic says whether the log takes no entry that leaves a gap: raft then
// clears it before it installs a snapshot.
func monotonic(log raft.LogStore) bool {
	m, ok := log.(raft.MonotonicLogStore)
	return ok && m.IsMonotonic()
}

// sealed returns the stores with checksums.
func (s *Stores) sealed() *Stores {
	return &Stores{Log: sealedLog{s.Log}, Stable: sealedStable{s.Stable}, Snapshots: s.Snapshots, Close: s.Close}
}

// guarded are the stores as raft uses them.
type guarded struct {
	Stores
	// log and parallel are what the log consists of.
	log      *guardedLog
	parallel *parallelLog
}

// guarded returns the stores behind the watchdog, the log with a cache.
func (s *Stores) guarded(dog *watchdog) (*guarded, error) {
	g := &guarded{log: &guardedLog{LogStore: s.Log, dog: dog}}
	var err error
	if g.parallel, err = newParallelLog(g.log); err != nil {
		return nil, fmt.Errorf("log: %w; %s", err, openRemedy)
	}
	cached, err := raft.NewLogCache(logCacheEntries, g.parallel)
	if err != nil {
		return nil, fmt.Errorf("log cache: %w", err)
	}
	g.Stores = Stores{
		Log:       cached,
		Stable:    &guardedStable{StableStore: s.Stable, dog: dog, log: g.parallel},
		Snapshots: &guardedSnapshots{SnapshotStore: s.Snapshots, dog: dog, grown: &g.log.grown},
		Close:     s.Close,
	}
	return g, nil
}

// guardedLog also counts what the log has grown by since the last snapshot.
type guardedLog struct {
	raft.LogStore
	dog *watchdog
	// opening is set while raft reads through the log at the start; what it
	// reads is what the last snapshot lacks.
	opening atomic.Bool
	grown   growth
}

func (l *guardedLog) GetLog(index uint64, entry *raft.Log) error {
	err := l.LogStore.GetLog(index, entry)
	if err == nil && l.opening.Load() {
		l.grown.add(entry)
	}
	if errors.Is(err, ErrDamaged) {
		l.dog.damage(fmt.Errorf("log: %w; %s", err, syncRemedy))
	}
	return err
}

func (l *guardedLog) StoreLog(entry *raft.Log) error { return l.StoreLogs([]*raft.Log{entry}) }

func (l *guardedLog) StoreLogs(entries []*raft.Log) error {
	l.grown.add(entries...)
	return l.dog.write("appending to the log", func() error { return l.LogStore.StoreLogs(entries) })
}

// DeleteRange cuts what a snapshot has made needless off the log's front in small
// steps: bolt lets no entry in meanwhile, which took 400 ms for 65 536 entries of
// 2 KB. A crash between two steps leaves a log that begins earlier. What the
// leader's log contradicts, at the end, goes at once; a log of segments drops
// whole files.
func (l *guardedLog) DeleteRange(from, to uint64) error {
	last, err := l.LastIndex()
	if err != nil {
		return err
	}
	for ; !l.IsMonotonic() && to < last && to-from >= maxCutEntries; from += maxCutEntries {
		if err := l.cut(from, from+maxCutEntries-1); err != nil {
			return err
		}
	}
	return l.cut(from, to)
}

func (l *guardedLog) cut(from, to uint64) error {
	return l.dog.write("truncating the log", func() error { return l.LogStore.DeleteRange(from, to) })
}

// IsMonotonic implements raft.MonotonicLogStore.
func (l *guardedLog) IsMonotonic() bool { return monotonic(l.LogStore) }

// guardedStable does not return from a failed write: raft would panic before the
// process could end in order. It ends raft's main loop instead, which answers no
// more, and which Shutdown need not wait for.
type guardedStable struct {
	raft.StableStore
	dog *watchdog
	log *parallelLog
}

func (s *guardedStable) Set(key, value []byte) error {
	if s.dog.write("storing a vote", func() error { return s.StableStore.Set(key, value) }) != nil {
		runtime.Goexit()
	}
	return nil
}

// SetUint64 stores a term, the node's or that of its vote.
func (s *guardedStable) SetUint64(key []byte, value uint64) error {
	if s.log.begin(value) != nil || s.dog.write("storing the term", func() error { return s.StableStore.SetUint64(key, value) }) != nil {
		runtime.Goexit()
	}
	return nil
}

type guardedSnapshots struct {
	raft.SnapshotStore
	dog   *watchdog
	grown *growth
}

func (s *guardedSnapshots) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration,
	configurationIndex uint64, trans raft.Transport,
) (sink raft.SnapshotSink, err error) {
	err = s.dog.write("beginning a snapshot", func() error {
		sink, err = s.SnapshotStore.Create(version, index, term, configuration, configurationIndex, trans)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &guardedSink{SnapshotSink: sink, dog: s.dog, taken: s.grown.begin()}, nil
}

type guardedSink struct {
	raft.SnapshotSink
	dog   *watchdog
	taken func()
}

func (s *guardedSink) Write(b []byte) (n int, err error) {
	err = s.dog.write("writing a snapshot", func() error {
		n, err = s.SnapshotSink.Write(b)
		return err
	})
	return n, err
}

func (s *guardedSink) Close() error {
	err := s.dog.write("completing a snapshot", s.SnapshotSink.Close)
	if err == nil {
		s.taken()
	}
	return err
}
