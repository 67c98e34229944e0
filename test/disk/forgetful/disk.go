package main

import (
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
)

const pageBytes = 4096

// A disk is everything of one file system, as it is and as it would be after a
// power cut.
type disk struct {
	mu   sync.Mutex
	root *entry
	// off refuses every change; lies makes a sync succeed and do nothing.
	off, lies bool
	last      uint64
}

// entry is a file or a directory.
type entry struct {
	number uint64
	mode   uint32

	// A file's content, what of it was synced, and the pages that differ.
	content, synced []byte
	dirty           map[int]bool

	// A directory's entries, and those that were synced; nil for a file.
	names, syncedNames map[string]*entry
}

func newDisk() *disk {
	d := new(disk)
	d.root = d.newEntry(0o755, true)
	return d
}

func (d *disk) newEntry(mode uint32, directory bool) *entry {
	d.last++
	e := &entry{number: d.last, mode: mode, dirty: make(map[int]bool)}
	if directory {
		e.names, e.syncedNames = make(map[string]*entry), make(map[string]*entry)
	}
	return e
}

func (e *entry) directory() bool { return e.names != nil }

func (e *entry) write(b []byte, at int) {
	e.resize(max(len(e.content), at+len(b)))
	copy(e.content[at:], b)
	for page := at / pageBytes; page*pageBytes < at+len(b); page++ {
		e.dirty[page] = true
	}
}

func (e *entry) resize(size int) {
	for page := size / pageBytes; page*pageBytes < len(e.content); page++ {
		e.dirty[page] = true
	}
	if size < len(e.content) {
		clear(e.content[size:])
	}
	e.content = slices.Grow(e.content, max(0, size-len(e.content)))[:size]
}

func (e *entry) sync() {
	if e.directory() {
		e.syncedNames = maps.Clone(e.names)
		return
	}
	for page := range e.dirty {
		e.syncPage(page)
	}
	e.syncSize()
	clear(e.dirty)
}

func (e *entry) syncSize() {
	size := len(e.content)
	if size < len(e.synced) {
		clear(e.synced[size:])
	}
	e.synced = slices.Grow(e.synced, max(0, size-len(e.synced)))[:size]
}

// syncPage makes one page last; the file is as long as it needs to be for that.
func (e *entry) syncPage(page int) {
	from, to := page*pageBytes, min((page+1)*pageBytes, len(e.content))
	if from >= to {
		return
	}
	if len(e.synced) < to {
		e.synced = slices.Grow(e.synced, to-len(e.synced))[:to]
	}
	copy(e.synced[from:to], e.content[from:to])
}

// cut lets chance decide on every change that was not synced, or drops them all
// if there is no chance, and returns how many are lost.
func (e *entry) cut(chance *rand.Rand) (lost int) {
	survives := func() bool { return chance != nil && chance.IntN(2) == 0 }
	if !e.directory() {
		for _, page := range slices.Sorted(maps.Keys(e.dirty)) {
			if survives() {
				e.syncPage(page)
			} else {
				lost++
			}
		}
		if len(e.content) != len(e.synced) && survives() {
			e.syncSize()
		}
		e.content = slices.Clone(e.synced)
		clear(e.dirty)
		return lost
	}
	changed := maps.Clone(e.names)
	maps.Copy(changed, e.syncedNames)
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		now, exists := e.names[name]
		switch {
		case now == e.syncedNames[name]:
		case !survives():
			lost++
		case exists:
			e.syncedNames[name] = now
		default:
			delete(e.syncedNames, name)
		}
	}
	e.names = maps.Clone(e.syncedNames)
	for _, name := range slices.Sorted(maps.Keys(e.names)) {
		lost += e.names[name].cut(chance)
	}
	return lost
}
