package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/types"
)

// LogStore names what keeps the log on disk. Votes and terms are always bolt's.
type LogStore string

// The log stores; a directory keeps the one that it was begun with.
const (
	// LogBolt is raft-boltdb: two syncs an append, and every damage is seen.
	LogBolt LogStore = "bolt"
	// LogWAL is raft-wal: one sync an append. After a crash, damage to the last
	// entries cannot be told from a write that the crash cut short; see markedLog.
	LogWAL LogStore = "wal"
)

const walFolder = "wal"

// openWAL opens the write-ahead log in the data directory, which bolt has locked.
func openWAL(c *Config, bolt *raftboltdb.BoltStore) (*markedLog, error) {
	dir := filepath.Join(c.DataDir, walFolder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("log: %w; %s", err, openRemedy)
	}
	if err := syncDirectory(c.DataDir); err != nil {
		return nil, fmt.Errorf("log: %w; %s", err, openRemedy)
	}
	stable := sealedStable{bolt}
	log, err := wal.Open(dir, wal.WithMetaStore(segments{stable}), wal.WithSegmentSize(walSegmentBytes),
		wal.WithLogger(c.Logger.Named("wal")))
	if failed := new(fs.PathError); errors.As(err, &failed) && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("log: %w; %s", err, openRemedy)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w; %s", ErrDamaged, dir, err, syncRemedy)
	}
	marked := &markedLog{WAL: log, marks: stable}
	if err := marked.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w; %s", dir, err, syncRemedy), log.Close())
	}
	return marked, nil
}

// markedLog is a write-ahead log whose end is marked in another file now and
// then. To the write-ahead log an entry at its end whose checksum is wrong is one
// that a crash cut short, so that it drops what the node may have acknowledged;
// a log that ends before the mark was damaged. What came after the mark, fewer
// than walMarkEvery entries, and none if the node was stopped in order, is not
// protected.
type markedLog struct {
	*wal.WAL
	marks raft.StableStore
	// mu guards mark: snapshots cut the log's front beside appends.
	mu sync.Mutex
	// mark is as stored: the log ends there or later.
	mark uint64
}

// What the write-ahead log needs beside its files stands with the votes.
var (
	markKey     = []byte("LogMark")
	segmentsKey = []byte("LogSegments")
)

// segments keeps the list of the write-ahead log's files, under a seal.
type segments struct{ sealedStable }

// Load implements types.MetaStore.
func (s segments) Load(string) (state types.PersistentState, err error) {
	text, err := s.Get(segmentsKey)
	if errors.Is(err, raftboltdb.ErrKeyNotFound) {
		return state, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &state)
	}
	return state, err
}

// CommitState implements types.MetaStore.
func (s segments) CommitState(state types.PersistentState) error {
	text, err := json.Marshal(state)
	if err != nil {
		return err
	}
	return s.Set(segmentsKey, text)
}

// GetStable implements types.MetaStore.
func (s segments) GetStable(key []byte) ([]byte, error) { return s.Get(key) }

// SetStable implements types.MetaStore.
func (s segments) SetStable(key, value []byte) error { return s.Set(key, value) }

// Close implements types.MetaStore: who opened the file closes it.
func (s segments) Close() error { return nil }

// open compares the end of the log with the mark. The errors wrap ErrDamaged.
func (l *markedLog) open() error {
	mark, err := l.marks.GetUint64(markKey)
	if err != nil && !errors.Is(err, raftboltdb.ErrKeyNotFound) {
		return fmt.Errorf("%w: mark of the log's end: %w", ErrDamaged, err)
	}
	last, err := l.LastIndex()
	if err != nil {
		return err
	}
	if last < mark {
		return fmt.Errorf("%w: the log ends at entry %d, and had entry %d", ErrDamaged, last, mark)
	}
	l.mark = mark
	return nil
}

func (l *markedLog) setMark(index uint64) error {
	if index == l.mark {
		return nil
	}
	if err := l.marks.SetUint64(markKey, index); err != nil {
		return fmt.Errorf("mark the log's end: %w", err)
	}
	l.mark = index
	return nil
}

// StoreLog implements raft.LogStore.
func (l *markedLog) StoreLog(entry *raft.Log) error { return l.StoreLogs([]*raft.Log{entry}) }

// StoreLogs implements raft.LogStore; called by one goroutine at a time.
func (l *markedLog) StoreLogs(entries []*raft.Log) error {
	if err := l.WAL.StoreLogs(entries); err != nil || len(entries) == 0 {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if last := entries[len(entries)-1].Index; last >= l.mark+walMarkEvery {
		return l.setMark(last)
	}
	return nil
}

// GetLog implements raft.LogStore. The write-ahead log finds entries that were
// deleted for as long as their file is in use; a log store must not.
func (l *markedLog) GetLog(index uint64, entry *raft.Log) error {
	first, err := l.FirstIndex()
	if err == nil && index < first {
		err = raft.ErrLogNotFound
	}
	if err != nil {
		return err
	}
	return l.WAL.GetLog(index, entry)
}

// DeleteRange takes the mark back first if the log would not reach it any more.
func (l *markedLog) DeleteRange(from, to uint64) error {
	if err := l.takeBack(from, to); err != nil {
		return err
	}
	return l.WAL.DeleteRange(from, to)
}

func (l *markedLog) takeBack(from, to uint64) error {
	first, err := l.FirstIndex()
	if err != nil {
		return err
	}
	last, err := l.LastIndex()
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case to < last: // the front goes, the end stays
		return nil
	case from <= first: // nothing is left, and an empty log ends at zero
		return l.setMark(0)
	case from <= l.mark:
		return l.setMark(from - 1)
	}
	return nil
}

// Close marks the end; nobody uses the log any more.
func (l *markedLog) Close() error {
	last, err := l.LastIndex()
	if err == nil {
		err = l.setMark(last)
	}
	return errors.Join(err, l.WAL.Close())
}
