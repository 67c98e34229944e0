package cluster

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

func TestASnapshotPausesThreeTimesAsLongAsItIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pacer{clock: time.Now, resumed: time.Now()}
		for _, c := range []struct{ stint, pause time.Duration }{
			{0, 0},
			{snapshotStint / 2, 0},
			{snapshotStint / 2, 3 * snapshotStint}, // together a whole one
			{4 * snapshotStint, 12 * snapshotStint},
			{time.Hour, snapshotPause},
		} {
			time.Sleep(c.stint)
			begun := time.Now()
			p.pause()
			if got := time.Since(begun); got != c.pause {
				t.Errorf("a stint of %v is followed by a pause of %v, want %v", c.stint, got, c.pause)
			}
		}
	})
}

func TestANodeThatStopsWritesItsSnapshotWithoutPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		p := &pacer{clock: time.Now, stop: stop}
		begun := time.Now()
		time.AfterFunc(snapshotPause/4, func() { close(stop) })
		for range 100 {
			p.pause()
			time.Sleep(snapshotStint)
		}
		if got := time.Since(begun); got != snapshotPause/4+100*snapshotStint {
			t.Errorf("100 stints took %v", got)
		}
	})
}

func snapshotStore(t *testing.T) durableSnapshots {
	t.Helper()
	store, err := openSnapshots(t.TempDir(), hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.reaper.running.Wait)
	return store
}

func TestASnapshotThatTheDiskGetsPieceByPieceIsWhole(t *testing.T) {
	store := snapshotStore(t)
	sink, err := store.Create(1, 7, 1, raft.Configuration{}, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	steady := sink.(*steadySink)
	random := rand.NewChaCha8([32]byte{1})
	content := make([]byte, 5*snapshotSyncBytes+999)
	random.Read(content)
	for rest := content; len(rest) > 0; {
		n := min(len(rest), 100_000)
		if _, err := sink.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
		if late := steady.written - steady.begun; late >= snapshotSyncBytes {
			t.Fatalf("the disk was not told of %d bytes", late)
		}
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	_, from, err := store.Open(sink.ID())
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	if got, err := io.ReadAll(from); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes of %d: %v", len(got), len(content), err)
	}
}

func TestASnapshotThatIsOverLeavesNoFileOpen(t *testing.T) {
	store := snapshotStore(t)
	for what, end := range map[string]func(raft.SnapshotSink) error{"closed": raft.SnapshotSink.Close, "cancelled": raft.SnapshotSink.Cancel} {
		sink, err := store.Create(1, 7, 1, raft.Configuration{}, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := end(sink); err != nil {
			t.Fatal(err)
		}
		if err := sink.(*steadySink).file.Close(); err == nil {
			t.Errorf("%s: the file was open", what)
		}
	}
	if found, err := os.ReadDir(store.reaper.folder); err != nil || len(found) != 1 {
		t.Errorf("%d snapshots, %v", len(found), err)
	}
}
