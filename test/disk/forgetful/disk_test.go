package main

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestContentThatWasNotSyncedIsForgotten(t *testing.T) {
	d := newDisk()
	file := d.newEntry(0o600, false)
	d.root.names["file"] = file
	d.root.sync()
	file.write([]byte("synced"), 0)
	file.sync()
	file.write([]byte("forgot"), 0)
	file.write(make([]byte, pageBytes), 3*pageBytes)
	if lost := d.root.cut(nil); lost != 2 {
		t.Errorf("%d changes are lost, want 2 pages", lost)
	}
	if got := d.root.names["file"].content; string(got) != "synced" {
		t.Errorf("%q", got)
	}
}

func TestANameThatWasNotSyncedIsForgotten(t *testing.T) {
	d := newDisk()
	for _, name := range []string{"old", "gone"} {
		d.root.names[name] = d.newEntry(0o600, false)
	}
	d.root.sync()
	file := d.newEntry(0o600, false)
	file.write([]byte("synced"), 0)
	file.sync()
	d.root.names["new"] = file
	delete(d.root.names, "gone")
	d.root.names["renamed"] = d.root.names["old"]
	delete(d.root.names, "old")
	d.root.cut(nil)
	if len(d.root.names) != 2 || d.root.names["old"] == nil || d.root.names["gone"] == nil {
		t.Errorf("%v", d.root.names)
	}
}

func TestASmallerFileKeepsItsOldEndUntilItIsSynced(t *testing.T) {
	d := newDisk()
	file := d.newEntry(0o600, false)
	d.root.names["file"] = file
	d.root.sync()
	file.write(bytes.Repeat([]byte{1}, 3*pageBytes), 0)
	file.sync()
	file.resize(10)
	file.resize(2 * pageBytes)
	d.root.cut(nil)
	if want := bytes.Repeat([]byte{1}, 3*pageBytes); !bytes.Equal(file.content, want) {
		t.Errorf("%d bytes", len(file.content))
	}
	file.resize(10)
	file.resize(2 * pageBytes)
	file.sync()
	d.root.cut(nil)
	if want := append(bytes.Repeat([]byte{1}, 10), make([]byte, 2*pageBytes-10)...); !bytes.Equal(file.content, want) {
		t.Errorf("%d bytes, or the old end has come back", len(file.content))
	}
}

func TestChanceKeepsSomeOfWhatWasNotSynced(t *testing.T) {
	d := newDisk()
	file := d.newEntry(0o600, false)
	d.root.names["file"] = file
	d.root.sync()
	file.write(bytes.Repeat([]byte{1}, 64*pageBytes), 0)
	file.sync()
	file.write(bytes.Repeat([]byte{2}, 64*pageBytes), 0)
	lost := d.root.cut(rand.New(rand.NewPCG(1, 0)))
	if kept := bytes.Count(file.content, []byte{2}) / pageBytes; lost == 0 || kept == 0 || lost+kept != 64 {
		t.Errorf("%d pages lost, %d kept", lost, kept)
	}
}
