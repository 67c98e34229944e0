package fsm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"

	"lockd/gate"

	"github.com/hashicorp/raft"
	"google.golang.org/protobuf/encoding/protowire"
)

// The snapshot file. All numbers outside messages are little-endian.
//
//	magic "LOCKDSNP", format version uint32
//	blocks: length uint32, length bytes of records, checksum uint32
//
// The checksum is the CRC32C of all that the file holds before it, checksums
// aside; so blocks can neither be damaged nor lost, repeated or exchanged. A
// block's records are fields of a protobuf message, numbered below. The first
// record of the file is its header, the last its counts; nothing follows.
const snapshotMagic = "LOCKDSNP"

// The records of a snapshot. An unknown one is refused: it is a part of the
// table that this build does not have.
const (
	headerRecord  protowire.Number = 1
	sessionRecord protowire.Number = 2
	ledgerRecord  protowire.Number = 3
	answerRecord  protowire.Number = 4
	holdRecord    protowire.Number = 5
	requestRecord protowire.Number = 6
	endingRecord  protowire.Number = 7
	countsRecord  protowire.Number = 8
)

// castagnoli is the polynomial of CRC32C, which processors compute themselves.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header opens a snapshot.
type header struct {
	// Index is the last log entry that the table includes.
	Index    uint64
	Counters gate.Counters
}

func (c *coder) header(num protowire.Number, x *header) {
	for m := c.open(num); c.pass(&m); {
		unsigned(c, 1, &x.Index)
		if c.has(2, x.Counters != gate.Counters{}) {
			c.counters(2, &x.Counters)
		}
	}
}

// counts closes a snapshot: how many records of each kind it has.
type counts struct{ Sessions, Ledgers, Answers, Holds, Requests, Endings uint64 }

// size returns the size of a table made of that many different records.
func (x counts) size() gate.Size {
	return gate.Size{
		Holds: int(x.Holds), Requests: int(x.Requests), Sessions: int(x.Sessions), Answers: int(x.Answers), Endings: int(x.Endings),
	}
}

func (c *coder) counts(num protowire.Number, x *counts) {
	for m := c.open(num); c.pass(&m); {
		unsigned(c, 1, &x.Sessions)
		unsigned(c, 2, &x.Ledgers)
		unsigned(c, 3, &x.Answers)
		unsigned(c, 4, &x.Holds)
		unsigned(c, 5, &x.Requests)
		unsigned(c, 6, &x.Endings)
	}
}

// snapshot is one version of the table, to be written while the table goes on.
type snapshot struct {
	view  *gate.View
	index uint64
	pace  func()
}

// Persist writes the version to sink and closes it, or cancels it on an error.
func (s *snapshot) Persist(sink raft.SnapshotSink) error {
	if err := writeSnapshot(sink, s.view, s.index, s.pace); err != nil {
		return errors.Join(err, sink.Cancel())
	}
	return sink.Close()
}

// Release does nothing: versions are the garbage collector's.
func (s *snapshot) Release() {}

// writeSnapshot writes the view, which is the table as of entry index, and calls
// pace after each block.
func writeSnapshot(to io.Writer, view *gate.View, index uint64, pace func()) error {
	w := snapshotWriter{to: to, c: encoder(nil), pace: pace}
	w.begin()
	w.c.header(headerRecord, &header{Index: index, Counters: view.Counters()})
	n := counts{
		Sessions: write(&w, view.AllSessions(), sessionRecord, (*coder).session),
		Ledgers:  write(&w, view.AllLedgers(), ledgerRecord, (*coder).ledger),
		Answers:  write(&w, view.AllAnswers(), answerRecord, (*coder).answer),
		Holds:    write(&w, view.AllHolds(), holdRecord, (*coder).hold),
		Requests: write(&w, view.AllRequests(), requestRecord, (*coder).request),
		Endings:  write(&w, view.AllEndings(), endingRecord, (*coder).ending),
	}
	w.c.counts(countsRecord, &n)
	w.flush()
	return w.err
}

// snapshotWriter gathers records into blocks. After an error it does nothing.
type snapshotWriter struct {
	to   io.Writer
	pace func()
	// c holds what will be written next; a block's length is at start, its
	// records after that.
	c     coder
	start int
	sum   uint32
	err   error
}

// begin starts the first block, behind what every snapshot begins with.
func (w *snapshotWriter) begin() {
	w.c.b = append(w.c.b, snapshotMagic...)
	w.c.b = binary.LittleEndian.AppendUint32(w.c.b, snapshotVersion)
	w.start = len(w.c.b)
	w.c.b = append(w.c.b, 0, 0, 0, 0)
}

// write writes one record for each of xs and returns how many.
func write[T any](w *snapshotWriter, xs iter.Seq[*T], num protowire.Number, fields func(*coder, protowire.Number, *T)) uint64 {
	n := uint64(0)
	for x := range xs {
		fields(&w.c, num, x)
		n++
		if len(w.c.b) >= blockBytes {
			w.flush()
		}
		if w.err != nil {
			break
		}
	}
	return n
}

// flush closes the block, writes it, and starts the next one.
func (w *snapshotWriter) flush() {
	if w.err != nil {
		return
	}
	size := len(w.c.b) - w.start - 4
	if size > maxBlockBytes {
		w.err = fmt.Errorf("snapshot: a record of %d bytes exceeds the %d that a block may have", size, maxBlockBytes)
		return
	}
	binary.LittleEndian.PutUint32(w.c.b[w.start:], uint32(size))
	w.sum = crc32.Update(w.sum, castagnoli, w.c.b)
	if _, err := w.to.Write(binary.LittleEndian.AppendUint32(w.c.b, w.sum)); err != nil {
		w.err = fmt.Errorf("snapshot: %w", err)
		return
	}
	w.start = 0
	w.c.b = append(w.c.b[:0], 0, 0, 0, 0)
	w.pace()
}
