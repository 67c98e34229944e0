package cluster

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"lockd/gate"

	"github.com/hashicorp/raft"
)

// onWAL has the log in a write-ahead log.
func onWAL(t *testing.T, dir string) Config {
	c := alone(t, dir)
	c.LogStore = LogWAL
	return c
}

// contents are the files below a directory, without the empty ends of those that
// were taken on disk at once.
type contents map[string]content

type content struct {
	bytes []byte
	size  int64
}

func read(t *testing.T, dir string) contents {
	t.Helper()
	all := contents{}
	err := filepath.Walk(dir, func(path string, status os.FileInfo, err error) error {
		if err != nil || status.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = content{bytes: bytes.TrimRight(b, "\x00"), size: status.Size()}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// write makes the files what they were.
func (c contents) write(t *testing.T) {
	t.Helper()
	for path, was := range c {
		if err := errors.Join(os.WriteFile(path, was.bytes, 0o600), os.Truncate(path, was.size)); err != nil {
			t.Fatal(err)
		}
	}
}

// segment is the one file of the write-ahead log.
func segment(t *testing.T, c *Config) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(c.DataDir, walFolder, "*.wal"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	return found[0]
}

func TestAFlippedBitInAWriteAheadLogIsNeverTakenForTheTruth(t *testing.T) {
	c := onWAL(t, t.TempDir())
	written(t, &c, 200)
	want, err := keep(&c)
	if err != nil {
		t.Fatal(err)
	}
	before := read(t, c.DataDir)
	dice := rand.New(rand.NewPCG(3, 4))
	for _, path := range []string{segment(t, &c), filepath.Join(c.DataDir, logFile)} {
		refused, flips := 0, 100
		for range flips {
			before.write(t)
			at, bit := dice.IntN(len(before[path].bytes)), byte(1)<<dice.IntN(8)
			flipped := bytes.Clone(before[path].bytes)
			flipped[at] ^= bit
			if err := errors.Join(os.WriteFile(path, flipped, 0o600), os.Truncate(path, before[path].size)); err != nil {
				t.Fatal(err)
			}
			got, err := keep(&c)
			switch {
			case err != nil:
				refused++
				if !errors.Is(err, ErrDamaged) {
					t.Errorf("%s, byte %d, bit %#x: not called damage: %v", filepath.Base(path), at, bit, err)
				}
			case !reflect.DeepEqual(got, want):
				t.Errorf("%s, byte %d, bit %#x: not noticed", filepath.Base(path), at, bit)
			}
		}
		t.Logf("%s: %d of %d flips were refused", filepath.Base(path), refused, flips)
		if refused == 0 {
			t.Errorf("%s is not in use", path)
		}
	}
}

func TestAWriteAheadLogCutShortIsRefused(t *testing.T) {
	c := onWAL(t, t.TempDir())
	written(t, &c, 200)
	before := read(t, c.DataDir)
	path := segment(t, &c)
	whole := before[path].bytes
	for _, left := range []int{0, 10, 100, 5000, len(whole) / 2, len(whole) - 1} {
		before.write(t)
		if err := errors.Join(os.WriteFile(path, whole[:left], 0o600), os.Truncate(path, before[path].size)); err != nil {
			t.Fatal(err)
		}
		if _, err := keep(&c); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut to %d of %d bytes: %v", left, len(whole), err)
		}
	}
	before.write(t)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := keep(&c); !errors.Is(err, ErrDamaged) {
		t.Errorf("removed: %v", err)
	}
}

func TestWhatIsTruncatedIsGoneAndTheMarkFollows(t *testing.T) {
	c := onWAL(t, t.TempDir())
	stores, err := openStores(&c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stores.Close() }()
	log := stores.Log.(*markedLog)
	store := func(from, to uint64) {
		t.Helper()
		for i := from; i <= to; i++ {
			if err := log.StoreLog(&raft.Log{Index: i, Term: 1, Data: []byte("x")}); err != nil {
				t.Fatal(err)
			}
		}
	}
	marked := func(want uint64) {
		t.Helper()
		if stored, err := log.marks.GetUint64(markKey); err != nil || stored != want {
			t.Errorf("mark %d, %v, want %d", stored, err, want)
		}
	}
	store(1, walMarkEvery+10)
	marked(walMarkEvery)
	for _, cut := range []struct{ from, to, mark uint64 }{
		{1, 100, walMarkEvery},                                   // a prefix that the snapshot has
		{walMarkEvery + 5, walMarkEvery + 10, walMarkEvery},      // a conflict after the mark
		{walMarkEvery - 50, walMarkEvery + 4, walMarkEvery - 51}, // a conflict before it
		{101, 150, walMarkEvery - 51},                            // a prefix again
		{151, walMarkEvery - 51, 0},                              // everything, for a snapshot
	} {
		if err := log.DeleteRange(cut.from, cut.to); err != nil {
			t.Fatal(err)
		}
		marked(cut.mark)
		if err := log.GetLog(cut.from, new(raft.Log)); !errors.Is(err, raft.ErrLogNotFound) {
			t.Errorf("entry %d is still there: %v", cut.from, err)
		}
	}
	store(5000, 5000)
	marked(5000)
}

// A follower that was sent a snapshot has an empty log until the leader has something
// for it.
func TestACrashAfterASnapshotTookTheWholeLogIsNoDamage(t *testing.T) {
	const last = walMarkEvery + 10
	for name, first := range map[string]uint64{"with the marked entry": 101, "after the marked entry": walMarkEvery + 5} {
		t.Run(name, func(t *testing.T) {
			c := onWAL(t, t.TempDir())
			stores, err := openStores(&c)
			must(t, err)
			for i := uint64(1); i <= last; i++ {
				must(t, stores.Log.StoreLog(&raft.Log{Index: i, Term: 1, Data: []byte("x")}))
			}
			must(t, errors.Join(stores.Log.DeleteRange(1, first-1), stores.Log.DeleteRange(first, last)))
			crashed := read(t, c.DataDir)
			must(t, stores.Close())
			crashed.write(t)
			stores, err = openStores(&c)
			must(t, err)
			must(t, stores.Close())
		})
	}
}

// A snapshot of the leader's is complete before it is restored and the log cleared,
// which takes seconds for a large table.
func TestACrashBeforeASnapshotTookTheLogLeavesANodeThatGoesOn(t *testing.T) {
	c := onWAL(t, t.TempDir())
	n, stop := startAlone(t, c)
	do(t, n, acquire("run-1", "k"), gate.Acquired)
	stop()
	before := read(t, c.DataDir)
	n, stop = startAlone(t, c)
	do(t, n, acquire("run-2", "k2"), gate.Acquired)
	must(t, n.raft.Snapshot().Error())
	stop()
	must(t, os.RemoveAll(filepath.Join(c.DataDir, walFolder)))
	must(t, os.Mkdir(filepath.Join(c.DataDir, walFolder), 0o700))
	before.write(t) // beside the snapshot

	n, stop = startAlone(t, c)
	defer stop()
	do(t, n, acquire("run-3", "k3"), gate.Acquired)
	if got := holder(t, n, "k2"); got != "run-2" {
		t.Errorf("what the snapshot has is held by %q", got)
	}
}

// hashicorp/raft-wal#31: until v0.4.1 a log whose end was truncated could not be
// read after the next start. Found by killing leaders: every second restart failed.
func TestALogWhoseEndWasTruncatedIsReadAfterARestart(t *testing.T) {
	c := onWAL(t, t.TempDir())
	written(t, &c, 200)
	stores, err := openStores(&c)
	if err != nil {
		t.Fatal(err)
	}
	log := stores.sealed().Log
	err = errors.Join(log.DeleteRange(150, 200), log.StoreLog(&raft.Log{Index: 150, Term: 8}), stores.Close())
	if err != nil {
		t.Fatal(err)
	}
	k, err := keep(&c)
	if err != nil {
		t.Fatal(err)
	}
	if last := k.entries[len(k.entries)-1]; len(k.entries) != 150 || last.Index != 150 || last.Term != 8 {
		t.Errorf("%d entries, the last is %d of term %d", len(k.entries), last.Index, last.Term)
	}
}

func TestANodeOnAWriteAheadLogKeepsHoldersThroughSnapshotsAndRestarts(t *testing.T) {
	dir := t.TempDir()
	n, stop := startAlone(t, onWAL(t, dir))
	if log, ok := n.stores.Log.(raft.MonotonicLogStore); !ok || !log.IsMonotonic() {
		t.Error("raft would leave gaps in the log when it installs a snapshot")
	}
	do(t, n, acquire("run-1", "k"), gate.Acquired)
	stop()
	n, stop = startAlone(t, onWAL(t, dir))
	do(t, n, acquire("run-2", "k"), gate.Occupied)
	if err := n.raft.Snapshot().Error(); err != nil {
		t.Fatal(err)
	}
	do(t, n, acquire("run-2", "after"), gate.Acquired)
	stop()
	n, stop = startAlone(t, onWAL(t, dir))
	if k, after := holder(t, n, "k"), holder(t, n, "after"); k != "run-1" || after != "run-2" {
		t.Errorf("holders %q and %q", k, after)
	}
	stop()
	if n, err := Start(alone(t, dir)); !errors.Is(err, ErrForeignDirectory) {
		t.Errorf("with bolt: %v", err)
		_ = n.Shutdown(t.Context())
	}
}
