package cluster

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// largeSnapshot is removed in four bits.
const largeSnapshot = 4 * snapshotReapBytes

// keepSnapshot adds a snapshot of that size.
func keepSnapshot(t *testing.T, store durableSnapshots, index uint64, size int) {
	t.Helper()
	sink, err := store.Create(1, index, 1, raft.Configuration{}, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = sink.Write(make([]byte, size))
	if err = errors.Join(err, sink.Close()); err != nil {
		t.Fatal(err)
	}
}

// snapshotSizes returns the sizes of the large files, by folder.
func snapshotSizes(t *testing.T, store durableSnapshots) map[string]int64 {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(store.reaper.folder, "*", snapshotFile))
	if err != nil {
		t.Fatal(err)
	}
	sizes := make(map[string]int64)
	for _, path := range found {
		file, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		sizes[filepath.Base(filepath.Dir(path))] = file.Size()
	}
	return sizes
}

func TestAnOldSnapshotGoesBitByBit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := snapshotStore(t)
		for i := range snapshotsKept + 1 {
			keepSnapshot(t, store, uint64(i+1), largeSnapshot)
		}
		begun := time.Now()
		synctest.Wait()
		whole, partly := 0, 0
		for _, size := range snapshotSizes(t, store) {
			switch size {
			case largeSnapshot:
				whole++
			case largeSnapshot - snapshotReapBytes:
				partly++
			}
		}
		if whole != snapshotsKept || partly != 1 {
			t.Errorf("after the first bit: %v", snapshotSizes(t, store))
		}
		store.reaper.running.Wait()
		if got := time.Since(begun); got != (largeSnapshot/snapshotReapBytes-1)*snapshotReapPause {
			t.Errorf("it took %v", got)
		}
		left, err := store.List()
		if err != nil || len(left) != snapshotsKept || left[0].Index != snapshotsKept+1 || left[1].Index != snapshotsKept {
			t.Errorf("left: %v, %v", left, err)
		}
		if found := snapshotSizes(t, store); len(found) != snapshotsKept {
			t.Errorf("on disk: %v", found)
		}
	})
}

// A follower that is slow to take a snapshot gets all of it, however many newer
// ones there are by then.
func TestASnapshotThatIsBeingReadStaysWhole(t *testing.T) {
	store := snapshotStore(t)
	keepSnapshot(t, store, 1, largeSnapshot)
	oldest, err := store.List()
	if err != nil {
		t.Fatal(err)
	}
	_, from, err := store.Open(oldest[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	for i := range snapshotsKept {
		keepSnapshot(t, store, uint64(i+2), 1)
	}
	store.reaper.running.Wait()
	if found := snapshotSizes(t, store); len(found) != snapshotsKept {
		t.Errorf("on disk: %v", found)
	}
	if n, err := io.Copy(io.Discard, from); n != largeSnapshot || err != nil {
		t.Errorf("read %d bytes of %d: %v", n, largeSnapshot, err)
	}
	if err := from.Close(); err != nil {
		t.Error(err)
	}
	if left := store.reaper.readers.Load(); left != 0 {
		t.Errorf("%d readers", left)
	}
}

// What a node that was stopped or killed has left goes at its next start.
func TestTheNextStartRemovesWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		store, err := openSnapshots(dir, hclog.NewNullLogger())
		if err != nil {
			t.Fatal(err)
		}
		for i := range snapshotsKept + 1 {
			keepSnapshot(t, store, uint64(i+1), largeSnapshot)
		}
		synctest.Wait()
		store.reaper.close()
		if _, err := store.Create(1, 9, 1, raft.Configuration{}, 0, nil); err != nil {
			t.Fatal(err)
		}
		if found := snapshotSizes(t, store); len(found) != snapshotsKept+2 {
			t.Fatalf("before the start: %v", found)
		}
		store, err = openSnapshots(dir, hclog.NewNullLogger())
		if err != nil {
			t.Fatal(err)
		}
		store.reaper.running.Wait()
		if found := snapshotSizes(t, store); len(found) != snapshotsKept {
			t.Errorf("after it: %v", found)
		}
	})
}
