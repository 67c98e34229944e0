package virtual

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"lockd/cluster"

	"github.com/hashicorp/raft"
)

var (
	errDisk = errors.New("disk: input/output error")
	// errAbsent has the text that raft expects of a stable store.
	errAbsent = errors.New("not found")
)

// disk is what outlives a node's process. Writes are synced when they return; a
// crash in the middle of one loses it or keeps it whole.
type disk struct {
	mu  sync.Mutex
	rng *rand.Rand
	// now is the process that has the disk.
	now *mount
	// content is what a process that starts now finds.
	content *content
	// pause returns how long the next write takes; relief ends what takes long.
	pause  func() time.Duration
	relief chan struct{}
	// fail makes the next entry or vote fail, hang makes every one hang. Snapshots
	// stay whole.
	fail, hang bool
	broken     int
}

type content struct {
	first, last uint64
	entries     map[uint64]*raft.Log
	values      map[string][]byte
	snapshots   []*stored
}

type stored struct {
	meta  raft.SnapshotMeta
	bytes []byte
}

func newDisk(rng *rand.Rand) *disk {
	return &disk{
		rng: rng, pause: noPause, relief: make(chan struct{}),
		content: &content{entries: make(map[uint64]*raft.Log), values: make(map[string][]byte)},
	}
}

func noPause() time.Duration { return 0 }

// mount is one process's use of the disk.
type mount struct {
	disk    *disk
	content *content
	crashed chan struct{}
}

// open hands the disk to a new process.
func (d *disk) open() (*mount, *cluster.Stores) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = &mount{disk: d, content: d.content, crashed: make(chan struct{})}
	d.fail, d.hang = false, false
	return d.now, &cluster.Stores{Log: &logStore{d.now}, Stable: &stableStore{d.now}, Snapshots: &snapshotStore{d.now}}
}

// crash takes the disk away from its process, with what was synced. The process
// goes on with a copy that nobody will see.
func (d *disk) crash() {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := *d.content
	c.entries, c.values, c.snapshots = maps.Clone(c.entries), maps.Clone(c.values), slices.Clone(c.snapshots)
	d.content = &c
	if d.now != nil {
		close(d.now.crashed)
		d.now = nil
	}
}

func (d *disk) slow(pause func() time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pause = pause
}

func (d *disk) failNext() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = true
}

func (d *disk) hangAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hang = true
	d.broken++
}

// mend makes writes as quick as they should be. What hangs goes on hanging.
func (d *disk) mend() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pause = noPause
	close(d.relief)
	d.relief = make(chan struct{})
}

// wasBroken says that a write failed or was made to hang, ever.
func (d *disk) wasBroken() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.broken > 0
}

// write makes a change; it is synced when write returns. A crash meanwhile finds
// it done or not.
func (m *mount) write(breakable bool, change func(c *content)) error {
	d := m.disk
	d.mu.Lock()
	current := breakable && d.now == m
	pause, hang, fail := d.pause(), d.hang && current, d.fail && current
	if fail {
		d.fail = false
		d.broken++
	}
	relief := d.relief
	early := d.rng.IntN(2) == 0
	if early && !fail && !hang {
		change(m.content)
	}
	d.mu.Unlock()
	if hang {
		<-m.crashed
	} else if pause > 0 {
		select {
		case <-m.crashed:
		case <-relief:
		case <-time.After(pause):
		}
	}
	if fail {
		return errDisk
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !early || hang {
		change(m.content)
	}
	return nil
}

func (m *mount) read(look func(c *content)) {
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	look(m.content)
}

type logStore struct{ *mount }

func (s *logStore) FirstIndex() (index uint64, err error) {
	s.read(func(c *content) { index = c.first })
	return index, nil
}

func (s *logStore) LastIndex() (index uint64, err error) {
	s.read(func(c *content) { index = c.last })
	return index, nil
}

func (s *logStore) GetLog(index uint64, entry *raft.Log) error {
	err := raft.ErrLogNotFound
	s.read(func(c *content) {
		if found := c.entries[index]; found != nil {
			*entry, err = *found, nil
		}
	})
	return err
}

func (s *logStore) StoreLog(entry *raft.Log) error { return s.StoreLogs([]*raft.Log{entry}) }

func (s *logStore) StoreLogs(entries []*raft.Log) error {
	copies := make([]raft.Log, len(entries))
	for i, e := range entries {
		copies[i] = *e
		copies[i].Data = bytes.Clone(e.Data)
	}
	return s.write(true, func(c *content) {
		for i := range copies {
			e := &copies[i]
			c.entries[e.Index] = e
			c.last = max(c.last, e.Index)
			if c.first == 0 {
				c.first = e.Index
			}
		}
	})
}

func (s *logStore) DeleteRange(from, to uint64) error {
	return s.write(false, func(c *content) {
		for i := from; i <= to; i++ {
			delete(c.entries, i)
		}
		if from <= c.first {
			c.first = to + 1
		}
		if to >= c.last {
			c.last = from - 1
		}
		if c.first > c.last {
			c.first, c.last = 0, 0
		}
	})
}

type stableStore struct{ *mount }

func (s *stableStore) Set(key, value []byte) error {
	name, kept := string(key), bytes.Clone(value)
	return s.write(true, func(c *content) { c.values[name] = kept })
}

func (s *stableStore) Get(key []byte) (value []byte, err error) {
	err = errAbsent
	s.read(func(c *content) {
		if found, ok := c.values[string(key)]; ok {
			value, err = bytes.Clone(found), nil
		}
	})
	return value, err
}

func (s *stableStore) SetUint64(key []byte, value uint64) error {
	return s.Set(key, fmt.Append(nil, value))
}

func (s *stableStore) GetUint64(key []byte) (value uint64, err error) {
	text, err := s.Get(key)
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscan(string(text), &value)
	return value, err
}

type snapshotStore struct{ *mount }

func (s *snapshotStore) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration,
	configurationIndex uint64, _ raft.Transport,
) (raft.SnapshotSink, error) {
	meta := raft.SnapshotMeta{
		Version: version, ID: fmt.Sprintf("%d-%d-%d", term, index, time.Now().UnixNano()), Index: index, Term: term,
		Configuration: configuration, ConfigurationIndex: configurationIndex,
	}
	return &sink{mount: s.mount, meta: meta}, nil
}

func (s *snapshotStore) List() (metas []*raft.SnapshotMeta, err error) {
	s.read(func(c *content) {
		for _, one := range c.snapshots {
			meta := one.meta
			metas = append(metas, &meta)
		}
	})
	return metas, nil
}

func (s *snapshotStore) Open(id string) (meta *raft.SnapshotMeta, from io.ReadCloser, err error) {
	err = errAbsent
	s.read(func(c *content) {
		for _, one := range c.snapshots {
			if one.meta.ID == id {
				found := one.meta
				meta, from, err = &found, io.NopCloser(bytes.NewReader(one.bytes)), nil
			}
		}
	})
	return meta, from, err
}

// sink is a snapshot that is being written; it is on the disk when it is closed.
type sink struct {
	*mount
	meta   raft.SnapshotMeta
	buffer bytes.Buffer
	closed bool
}

func (s *sink) ID() string                  { return s.meta.ID }
func (s *sink) Write(b []byte) (int, error) { return s.buffer.Write(b) }
func (s *sink) Cancel() error               { s.closed = true; return nil }

func (s *sink) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	s.meta.Size = int64(s.buffer.Len())
	one := &stored{meta: s.meta, bytes: s.buffer.Bytes()}
	return s.write(false, func(c *content) {
		c.snapshots = append([]*stored{one}, c.snapshots...)
		slices.SortStableFunc(c.snapshots, func(a, b *stored) int {
			return -cmp.Or(cmp.Compare(a.meta.Term, b.meta.Term), cmp.Compare(a.meta.Index, b.meta.Index))
		})
		c.snapshots = c.snapshots[:min(len(c.snapshots), snapshotsKept)]
	})
}
