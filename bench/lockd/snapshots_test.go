package lockd

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSnapshotsAreCountedByTheirFolders(t *testing.T) {
	c := &cluster{dir: t.TempDir()}
	folder := filepath.Join(c.dir, "n2", "snapshots")
	for i, step := range []struct {
		do      func() error
		begun   int
		writing bool
	}{
		{func() error { return nil }, 0, false},
		{func() error { return os.MkdirAll(filepath.Join(folder, "2-10-1.tmp"), 0o700) }, 1, true},
		{func() error { return os.Rename(filepath.Join(folder, "2-10-1.tmp"), filepath.Join(folder, "2-10-1")) }, 1, false},
		{func() error { return os.Mkdir(filepath.Join(folder, "2-20-2.tmp"), 0o700) }, 2, true},
		{func() error { return os.Rename(filepath.Join(folder, "2-20-2.tmp"), filepath.Join(folder, "2-20-2")) }, 2, false},
		{func() error {
			return os.Rename(filepath.Join(folder, "2-10-1"), filepath.Join(folder, "2-10-1.old.tmp"))
		}, 2, false},
		{func() error { return os.Remove(filepath.Join(folder, "2-10-1.old.tmp")) }, 2, false},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if begun, writing, err := c.Snapshots(1); err != nil || begun != step.begun || writing != step.writing {
			t.Errorf("step %d: %d, %v, %v", i, begun, writing, err)
		}
	}
	if begun, writing, err := c.Snapshots(0); err != nil || begun != 0 || writing {
		t.Errorf("another node: %d, %v, %v", begun, writing, err)
	}
}
