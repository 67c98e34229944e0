package cluster

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"time"

	"go.etcd.io/bbolt"
)

// The layout of a bolt file, in the machine's own byte order: pages, each with a
// header; the first two are meta pages, of which the newer counts.
const (
	pageHeader     = 16
	pageElement    = 16
	metaBytes      = 64
	bucketHeader   = 16
	branchPage     = 0x01
	leafPage       = 0x02
	bucketElement  = 0x01
	leastPageBytes = 512
	mostPageBytes  = 64 << 10
	leastBytes     = 4 * 4096
)

// checkPages reads the whole tree of a bolt file that no process has open for
// writing. Bolt trusts its pages: a flipped bit there ends the process in the
// middle of a read, or hides the end of the log. The errors wrap ErrDamaged, or
// are those of opening the file. A file that is missing or empty is in order.
func checkPages(path string, wait time.Duration) (err error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	status, err := file.Stat()
	if err != nil || status.Size() == 0 {
		return err
	}
	if status.Size() < leastBytes {
		return fmt.Errorf("%w: %s: cut short: %d bytes", ErrDamaged, path, status.Size())
	}
	// Opened for reading bolt looks at the meta pages only, and keeps writers out.
	lock, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: wait})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	t := &pageTree{file: file, pageBytes: uint64(lock.Info().PageSize), seen: make(map[uint64]bool)}
	if err := t.check(uint64(status.Size())); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, path, err)
	}
	return nil
}

type pageTree struct {
	file             io.ReaderAt
	pageBytes, pages uint64
	seen             map[uint64]bool
}

func (t *pageTree) check(size uint64) error {
	if t.pageBytes < leastPageBytes || t.pageBytes > mostPageBytes {
		return fmt.Errorf("pages of %d bytes", t.pageBytes)
	}
	var root, newest uint64
	for number := range uint64(2) {
		meta := make([]byte, metaBytes)
		if _, err := t.file.ReadAt(meta, int64(number*t.pageBytes+pageHeader)); err != nil {
			return fmt.Errorf("meta page %d: %w", number, err)
		}
		sum := fnv.New64a()
		_, _ = sum.Write(meta[:56]) // a hash takes everything
		if sum.Sum64() != binary.NativeEndian.Uint64(meta[56:]) {
			return fmt.Errorf("meta page %d: wrong checksum", number)
		}
		if change := binary.NativeEndian.Uint64(meta[48:]); number == 0 || change > newest {
			newest, root, t.pages = change, binary.NativeEndian.Uint64(meta[16:]), binary.NativeEndian.Uint64(meta[40:])
		}
	}
	if t.pages > size/t.pageBytes {
		return fmt.Errorf("cut short: %d bytes, want %d pages of %d", size, t.pages, t.pageBytes)
	}
	return t.walk(root, nil, nil)
}

// walk checks the page and what is below it: all keys are at or after from and
// before to, if these are given.
func (t *pageTree) walk(number uint64, from, to []byte) error {
	b, err := t.read(number)
	if err != nil {
		return fmt.Errorf("page %d: %w", number, err)
	}
	elements, err := elementsOf(b)
	if err != nil {
		return fmt.Errorf("page %d: %w", number, err)
	}
	if len(elements) == 0 && from != nil {
		return fmt.Errorf("page %d: empty", number)
	}
	for i, e := range elements {
		if bytes.Compare(e.key, from) < 0 || i > 0 && bytes.Equal(e.key, from) || to != nil && bytes.Compare(e.key, to) >= 0 {
			return fmt.Errorf("page %d: keys out of order", number)
		}
		from = e.key
		next := to
		if i+1 < len(elements) {
			next = elements[i+1].key
		}
		if err := t.below(e, next); err != nil {
			return err
		}
	}
	return nil
}

// below checks what an element leads to.
func (t *pageTree) below(e element, next []byte) error {
	switch {
	case e.child != 0:
		return t.walk(e.child, e.key, next)
	case !e.bucket:
		return nil
	case len(e.value) < bucketHeader:
		return fmt.Errorf("bucket %q: cut short", e.key)
	}
	if root := binary.NativeEndian.Uint64(e.value); root != 0 {
		return t.walk(root, nil, nil)
	}
	if len(e.value) < bucketHeader+pageHeader {
		return fmt.Errorf("bucket %q: cut short", e.key)
	}
	if _, err := elementsOf(e.value[bucketHeader:]); err != nil {
		return fmt.Errorf("bucket %q: %w", e.key, err)
	}
	return nil
}

// read returns a page with those that continue it.
func (t *pageTree) read(number uint64) ([]byte, error) {
	if number < 2 || number >= t.pages {
		return nil, errors.New("out of range")
	}
	header := make([]byte, pageHeader)
	if _, err := t.file.ReadAt(header, int64(number*t.pageBytes)); err != nil {
		return nil, err
	}
	more := uint64(binary.NativeEndian.Uint32(header[12:]))
	if binary.NativeEndian.Uint64(header) != number || more >= t.pages-number {
		return nil, errors.New("wrong header")
	}
	for i := range more + 1 {
		if t.seen[number+i] {
			return nil, errors.New("used twice")
		}
		t.seen[number+i] = true
	}
	b := make([]byte, (more+1)*t.pageBytes)
	_, err := t.file.ReadAt(b, int64(number*t.pageBytes))
	return b, err
}

// element is one key of a page, with a value or a page below.
type element struct {
	key, value []byte
	child      uint64
	bucket     bool
}

// elementsOf returns a page's elements. Bolt writes them without gaps, so that a
// false count or length does not go unnoticed.
func elementsOf(page []byte) ([]element, error) {
	kind, count := binary.NativeEndian.Uint16(page[8:]), int(binary.NativeEndian.Uint16(page[10:]))
	if kind != branchPage && kind != leafPage {
		return nil, fmt.Errorf("unknown kind %#x", kind)
	}
	at := uint64(pageHeader + count*pageElement)
	if at > uint64(len(page)) {
		return nil, fmt.Errorf("%d elements", count)
	}
	elements := make([]element, count)
	for i := range elements {
		own := uint64(pageHeader + i*pageElement)
		word := func(n uint64) uint64 { return uint64(binary.NativeEndian.Uint32(page[own+4*n:])) }
		position, keyBytes, valueBytes := word(0), word(1), uint64(0)
		if kind == leafPage {
			position, keyBytes, valueBytes = word(1), word(2), word(3)
			elements[i].bucket = word(0)&bucketElement != 0
		} else {
			elements[i].child = binary.NativeEndian.Uint64(page[own+8:])
		}
		end := at + keyBytes + valueBytes
		if own+position != at || keyBytes == 0 || end > uint64(len(page)) {
			return nil, fmt.Errorf("element %d is not where it should be", i)
		}
		elements[i].key, elements[i].value = page[at:at+keyBytes], page[at+keyBytes:end]
		at = end
	}
	return elements, nil
}
