//go:build linux

package disk

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"lockd/test/real"
)

// A damage changes the files of a stopped node.
type damage struct {
	name string
	// what changes the directory's files.
	what func(t *testing.T, dir string)
	// says are words of the message with which the node refuses to start.
	says []string
	// selected damages belong to the ordinary run.
	selected bool
}

// resync are the words of the remedy that all damages have in common.
const resync = "move the whole directory away and start the node with an empty one"

func damages() []damage {
	log, stored := "raft.db", "stored bytes are damaged"
	snapshot := func(file string) string { return filepath.Join("snapshots", "*", file) }
	return []damage{
		// A run's name in an entry: still a valid command, of another run.
		{name: "a flipped bit in an entry", what: flip(log, []byte("run-")), says: []string{stored, "wrong checksum"}, selected: true},
		{name: "a flipped bit in the votes", what: flip(log, []byte("LastVoteTerm")), says: []string{stored, "votes"}, selected: true},
		{name: "a flipped bit in the term", what: flip(log, []byte("CurrentTerm")), says: []string{stored, "votes"}},
		{name: "a flipped bit in the name of a vote", what: flipAt(log, []byte("LastVoteCand"), 0), says: []string{stored, "votes"}},
		{name: "a flipped bit in the newer meta page", what: flipMeta, says: []string{stored, log, "meta page"}},
		{name: "a log of half its length", what: cut(log, 2), says: []string{stored, log, "cut short"}, selected: true},
		{name: "an empty log", what: cut(log, 0), says: []string{stored, "votes"}},
		{name: "no log", what: erase(log), says: []string{stored, "votes"}},
		{name: "a flipped bit in the snapshot", what: flip(snapshot("state.bin"), []byte("run-")), says: []string{stored, "snapshot"}, selected: true},
		{name: "a snapshot of half its length", what: cut(snapshot("state.bin"), 2), says: []string{stored, "snapshot"}},
		{name: "a flipped bit in the snapshot's description", what: flip(snapshot("meta.json"), []byte(`"Index":`)), says: []string{stored, "meta.json"}},
		{name: "a snapshot without a description", what: cut(snapshot("meta.json"), 0), says: []string{stored, "snapshot"}},
		{name: "no snapshot", what: erase(snapshot("")), says: []string{stored, "no snapshot has the entries"}},
		{name: "a flipped bit in cluster.json", what: flip("cluster.json", []byte(`"cluster": `)), says: []string{"cluster.json"}, selected: true},
	}
}

func TestADamagedNodeRefusesToStartAndIsWholeAfterItsRemedy(t *testing.T) {
	needs(t)
	x := newTrial(t, "--snapshot-entries=30", "--trailing-logs=10", "--snapshot-interval=100ms")
	x.StartAll()
	x.holdMany(20, x.Nodes...)
	for i, d := range damages() {
		if !whole() && !d.selected {
			continue
		}
		victim := x.Nodes[i%len(x.Nodes)]
		t.Run(d.name, func(t *testing.T) {
			x.t = t
			x.isRefusedAndResyncs(victim, d)
		})
	}
}

func (x *trial) isRefusedAndResyncs(victim *real.Node, d damage) {
	others := x.others(victim)
	x.holdMany(40, x.Nodes...)
	x.Await(agreeTime, "there is a snapshot", func() bool {
		found, _ := filepath.Glob(filepath.Join(victim.Dir, "snapshots", "*", "state.bin"))
		return len(found) > 0
	})
	if code := victim.Stop(); code != 0 {
		x.t.Fatalf("exit code %d", code)
	}
	d.what(x.t, victim.Dir)
	x.serves(others...)
	launchAndEnd(x.t, victim, append(d.says, victim.Dir, resync)...)
	x.holdMany(20, others...)

	// What the message says: the others are up and agree; the directory goes.
	x.AwaitEqualTables(agreeTime, others...)
	if err := os.Rename(victim.Dir, filepath.Join(x.t.TempDir(), "damaged")); err != nil {
		x.t.Fatal(err)
	}
	victim.Start()
	x.AwaitReady(x.Nodes...)
	x.serves(x.Nodes...)
	x.nothingLost(victim)
	x.AwaitEqualTables(agreeTime, x.Nodes...)
}

// change rewrites every file of the directory that fits the pattern.
func change(t *testing.T, dir, pattern string, how func(content []byte) []byte) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) == 0 {
		t.Fatalf("no %s in %s: %v", pattern, dir, err)
	}
	for _, path := range found {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, how(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// flip flips a bit behind each occurrence of the mark: bolt leaves old copies of
// its pages in the file, and which of them counts is not for the test to know.
func flip(pattern string, mark []byte) func(*testing.T, string) {
	return flipAt(pattern, mark, len(mark))
}

func flipAt(pattern string, mark []byte, offset int) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		change(t, dir, pattern, func(content []byte) []byte {
			changed := bytes.Clone(content)
			marks := 0
			for at := 0; ; marks++ {
				next := bytes.Index(content[at:], mark)
				if next < 0 {
					break
				}
				changed[at+next+offset] ^= 1
				at += next + len(mark)
			}
			if marks == 0 {
				t.Fatalf("no %q in %s", mark, pattern)
			}
			return changed
		})
	}
}

// flipMeta hides the last change: without its check bolt goes on with the meta
// page of the one before.
func flipMeta(t *testing.T, dir string) {
	t.Helper()
	const pageBytes, change48 = 4096, 16 + 48
	change(t, dir, "raft.db", func(content []byte) []byte {
		newer := 0
		if bytes.Compare(reversed(content[change48:][:8]), reversed(content[pageBytes+change48:][:8])) < 0 {
			newer = pageBytes
		}
		content[newer+16+20] ^= 1
		return content
	})
}

func reversed(b []byte) []byte {
	var r []byte
	for i := range b {
		r = append(r, b[len(b)-1-i])
	}
	return r
}

// cut leaves one part in so many of a file, or nothing.
func cut(pattern string, parts int) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		change(t, dir, pattern, func(content []byte) []byte {
			if parts == 0 {
				return nil
			}
			return content[:len(content)/parts]
		})
	}
}

func erase(pattern string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("no %s in %s: %v", pattern, dir, err)
		}
		for _, path := range found {
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
		}
	}
}
