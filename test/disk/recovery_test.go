//go:build linux

package disk

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"lockd/test/real"
)

// erases ends the node and removes its files.
func erases(t *testing.T, n *real.Node) {
	t.Helper()
	n.Kill()
	if err := os.RemoveAll(n.Dir); err != nil {
		t.Fatal(err)
	}
}

func TestALostNodeComesBackWithAnEmptyDirectory(t *testing.T) {
	x := newTrial(t, "--snapshot-entries=30", "--trailing-logs=10", "--snapshot-interval=100ms")
	x.StartAll()
	x.holdMany(60, x.Nodes...)
	lost := x.Leader()
	erases(t, lost)
	others := x.others(lost)
	x.serves(others...)
	x.AwaitEqualTables(agreeTime, others...)
	lost.Start()
	x.AwaitReady(x.Nodes...)
	x.nothingLost(lost)
	x.AwaitEqualTables(agreeTime, x.Nodes...)
}

// What docs/RECOVERY.md says about a lost majority.
func TestALostMajorityIsRestoredFromTheSurvivor(t *testing.T) {
	x := newTrial(t, "--snapshot-entries=30", "--trailing-logs=10", "--snapshot-interval=100ms")
	x.StartAll()
	x.holdMany(60, x.Nodes...)
	x.AwaitEqualTables(agreeTime, x.Nodes...)
	survivor := x.Nodes[2]
	for _, n := range x.others(survivor) {
		erases(t, n)
	}
	if err := x.hold(survivor); err == nil {
		t.Error("a minority grants")
	}
	survivor.Stop()
	for _, n := range x.others(survivor) {
		if err := os.CopyFS(n.Dir, os.DirFS(survivor.Dir)); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(n.Dir, "cluster.json")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		renamed := bytes.Replace(text, []byte(`"node": "`+survivor.Name+`"`), []byte(`"node": "`+n.Name+`"`), 1)
		if bytes.Equal(renamed, text) {
			t.Fatalf("no node in %s", text)
		}
		if err := os.WriteFile(path, renamed, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	x.StartAll()
	x.nothingLost(x.Nodes[0])
	x.serves(x.Nodes...)
	x.AwaitEqualTables(agreeTime, x.Nodes...)
}
