//go:build linux || darwin || freebsd

package cluster

import "testing"

func TestTheDiskOfADirectoryIsMeasured(t *testing.T) {
	d := diskOf(t.TempDir())
	if d == nil || d.Total == 0 || d.Free > d.Total {
		t.Errorf("%+v", d)
	}
	if d := diskOf(t.TempDir() + "/not there"); d != nil {
		t.Errorf("of a directory that is not there: %+v", d)
	}
}
