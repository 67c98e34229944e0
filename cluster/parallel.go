package cluster

import (
	"slices"
	"sync"
	"sync/atomic"

	"lockd/fsm"

	"github.com/hashicorp/raft"
)

// parallelLog has a leader write its own entries while the followers write them,
// instead of before it sends them: a commit takes one disk's time instead of two
// (Ongaro, "Consensus: Bridging Theory and Practice", 2014, section 10.2.1).
//
// Raft counts the leader's vote for an entry as soon as StoreLogs returns, so that
// what it takes for committed may be on a minority of disks. Four rules keep that
// from ever being seen:
//
//   - The leader applies no entry before it is on its own disk (parallelFSM), and
//     tells no follower that it is committed (transport.AppendEntries).
//   - Nothing happens in a new term before everything of the old one is on disk
//     (begin): a leader of former times votes, asks for votes and answers the next
//     leader by a log that it has.
//   - Only commands are written late: a change of the members, which raft follows
//     before it is committed, is on disk first, and everything before it.
//   - Followers write before they answer, as ever.
type parallelLog struct {
	raft.LogStore
	// durable is the last entry that is on disk, after the first write.
	durable atomic.Uint64
	// leading is the term in which this node is known to lead, zero for none.
	leading atomic.Uint64

	mu sync.Mutex
	// changed is told of every write that has ended.
	changed sync.Cond
	// term is the latest that raft has stored.
	term uint64
	// pending are the entries that are not on disk, in order and without gaps.
	pending []*raft.Log
	writing bool
	// err is that of the first write that failed; none is tried after it.
	err error
}

func newParallelLog(log raft.LogStore) (*parallelLog, error) {
	last, err := log.LastIndex()
	if err != nil {
		return nil, err
	}
	l := &parallelLog{LogStore: log}
	l.changed.L = &l.mu
	l.durable.Store(last)
	return l, nil
}

// begin notes that raft is about to store a term, or a vote in it, and waits until
// everything is on disk.
func (l *parallelLog) begin(term uint64) error {
	l.mu.Lock()
	l.term = term
	l.leading.Store(0)
	l.mu.Unlock()
	return l.drain()
}

// lead notes that this node leads in the term, unless that is over.
func (l *parallelLog) lead(term uint64) {
	if l.leads(term) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if term == l.term {
		l.leading.Store(term)
	}
}

// leads reports whether this node leads in the term, as far as it was noted, and has
// neither voted nor taken an entry in a later one.
func (l *parallelLog) leads(term uint64) bool { return l.leading.Load() == term }

// drain waits until everything is on disk, or a write has failed.
func (l *parallelLog) drain() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.pending) > 0 && l.err == nil {
		l.changed.Wait()
	}
	return l.err
}

// await waits until the entry is on disk.
func (l *parallelLog) await(index uint64) error {
	if index <= l.durable.Load() {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for index > l.durable.Load() {
		if l.err != nil {
			return l.err
		}
		l.changed.Wait()
	}
	return nil
}

// StoreLog implements raft.LogStore.
func (l *parallelLog) StoreLog(entry *raft.Log) error { return l.StoreLogs([]*raft.Log{entry}) }

// StoreLogs implements raft.LogStore; raft calls it on one goroutine, the one on
// which it stores terms and votes.
func (l *parallelLog) StoreLogs(entries []*raft.Log) error {
	if l.late(entries) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.pending = append(l.pending, entries...)
		if !l.writing && l.err == nil {
			l.writing = true
			go l.write()
		}
		return l.err
	}
	if err := l.drain(); err != nil {
		return err
	}
	if err := l.LogStore.StoreLogs(entries); err != nil {
		return err
	}
	l.durable.Store(entries[len(entries)-1].Index)
	return nil
}

// late reports whether the entries are commands that this node makes as a leader:
// in a term in which it leads nobody else makes any.
func (l *parallelLog) late(entries []*raft.Log) bool {
	leading := l.leading.Load()
	return leading > 0 && !slices.ContainsFunc(entries, func(e *raft.Log) bool {
		return e.Type != raft.LogCommand || e.Term != leading
	})
}

// write writes what is pending and ends.
func (l *parallelLog) write() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.pending) > 0 && l.err == nil {
		batch := slices.Clone(l.pending)
		l.mu.Unlock()
		err := l.LogStore.StoreLogs(batch)
		l.mu.Lock()
		if l.err = err; err == nil {
			l.pending = slices.Delete(l.pending, 0, len(batch))
			l.durable.Store(batch[len(batch)-1].Index)
		}
		l.changed.Broadcast()
	}
	l.writing = false
}

// GetLog implements raft.LogStore.
func (l *parallelLog) GetLog(index uint64, entry *raft.Log) error {
	if found := l.find(index); found != nil {
		*entry = *found
		return nil
	}
	return l.LogStore.GetLog(index, entry)
}

func (l *parallelLog) find(index uint64) *raft.Log {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pending) == 0 || index < l.pending[0].Index || index > l.pending[len(l.pending)-1].Index {
		return nil
	}
	return l.pending[index-l.pending[0].Index]
}

// LastIndex implements raft.LogStore.
func (l *parallelLog) LastIndex() (uint64, error) {
	l.mu.Lock()
	if n := len(l.pending); n > 0 {
		defer l.mu.Unlock()
		return l.pending[n-1].Index, nil
	}
	l.mu.Unlock()
	return l.LogStore.LastIndex()
}

// DeleteRange implements raft.LogStore.
func (l *parallelLog) DeleteRange(from, to uint64) error {
	if to > l.durable.Load() {
		if err := l.drain(); err != nil {
			return err
		}
	}
	return l.LogStore.DeleteRange(from, to)
}

// IsMonotonic implements raft.MonotonicLogStore.
func (l *parallelLog) IsMonotonic() bool { return monotonic(l.LogStore) }

// parallelFSM applies what is on this node's disk.
type parallelFSM struct {
	*fsm.FSM
	log *parallelLog
}

// Apply implements raft.FSM. It returns an error, and the table stays as it was
// for good, if the entry did not get to the disk: the process is about to end, and
// the watchdog takes no snapshot of such a table.
func (f parallelFSM) Apply(entry *raft.Log) any {
	if err := f.log.await(entry.Index); err != nil {
		return err
	}
	return f.FSM.Apply(entry)
}
