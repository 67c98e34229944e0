package fsm

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"lockd/gate"

	"google.golang.org/protobuf/encoding/protowire"
)

// readSnapshot returns the table that a snapshot holds, verified, and the entry
// up to which it goes. Every block is checked before any of it is believed. The
// error wraps ErrMalformed for a file that is damaged, cut short or no snapshot,
// and ErrNewer for one that this build cannot read.
func readSnapshot(from io.Reader) (*gate.Table, uint64, error) {
	r := snapshotReader{from: bufio.NewReaderSize(from, readAheadBytes), clients: make(map[string]*gate.Client)}
	if err := r.begin(); err != nil {
		return nil, 0, fmt.Errorf("snapshot: %w", err)
	}
	for !r.complete {
		if err := r.block(); err != nil {
			return nil, 0, fmt.Errorf("snapshot: %w", err)
		}
	}
	if _, err := r.from.ReadByte(); !errors.Is(err, io.EOF) {
		return nil, 0, errors.Join(fmt.Errorf("snapshot: %w: it goes on behind its end", ErrMalformed), err)
	}
	table, err := r.loader.Table()
	if err != nil {
		return nil, 0, fmt.Errorf("snapshot: %w: %w", ErrMalformed, err)
	}
	if size := table.Snapshot().Size(); size != r.seen.size() {
		return nil, 0, fmt.Errorf("snapshot: %w: its records make a table of %+v, but should %+v", ErrMalformed, size, r.seen)
	}
	return table, r.header.Index, nil
}

// snapshotReader takes a snapshot apart, block by block.
type snapshotReader struct {
	from *bufio.Reader
	sum  uint32
	// records is the memory of the block at hand.
	records  []byte
	header   header
	loader   *gate.Loader
	seen     counts
	complete bool
	// clients are those met so far, by their encoding.
	clients map[string]*gate.Client
	// hold is the memory of the hold at hand.
	hold gate.Hold
}

// begin reads what every snapshot begins with.
func (r *snapshotReader) begin() error {
	var head [len(snapshotMagic) + 4]byte
	if _, err := io.ReadFull(r.from, head[:]); err != nil {
		return cutShort(err)
	}
	if string(head[:len(snapshotMagic)]) != snapshotMagic {
		return fmt.Errorf("%w: not a lockd snapshot", ErrMalformed)
	}
	r.sum = crc32.Update(0, castagnoli, head[:])
	return checkVersion("snapshot", uint64(binary.LittleEndian.Uint32(head[len(snapshotMagic):])), snapshotVersion)
}

// block reads the next block, verifies its checksum and loads its records.
func (r *snapshotReader) block() error {
	var word [4]byte
	if _, err := io.ReadFull(r.from, word[:]); err != nil {
		return cutShort(err)
	}
	size := int64(binary.LittleEndian.Uint32(word[:]))
	if size > maxBlockBytes {
		return fmt.Errorf("%w: a block of %d bytes", ErrMalformed, size)
	}
	r.sum = crc32.Update(r.sum, castagnoli, word[:])
	r.records = r.records[:0]
	for left := int(size); left > 0; {
		n := min(left, readAheadBytes)
		had := len(r.records)
		r.records = slices.Grow(r.records, n)[:had+n]
		if _, err := io.ReadFull(r.from, r.records[had:]); err != nil {
			return cutShort(err)
		}
		left -= n
	}
	r.sum = crc32.Update(r.sum, castagnoli, r.records)
	if _, err := io.ReadFull(r.from, word[:]); err != nil {
		return cutShort(err)
	}
	if stored := binary.LittleEndian.Uint32(word[:]); stored != r.sum {
		return fmt.Errorf("%w: checksum %08x where %08x is stored", ErrMalformed, r.sum, stored)
	}
	return r.load(r.records)
}

// load loads the records of a verified block.
func (r *snapshotReader) load(b []byte) error {
	all := string(b)
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 || typ != protowire.BytesType {
			return fmt.Errorf("%w: no record where one should begin", ErrMalformed)
		}
		record, size := protowire.ConsumeBytes(b[n:])
		if size < 0 {
			return fmt.Errorf("%w: a record longer than its block", ErrMalformed)
		}
		b = b[n+size:]
		end := len(all) - len(b)
		switch {
		case r.complete:
			return fmt.Errorf("%w: a record behind the last one", ErrMalformed)
		case (r.loader == nil) != (num == headerRecord):
			return fmt.Errorf("%w: the header is not where it belongs", ErrMalformed)
		}
		if err := r.record(num, record, all[end-len(record):end]); err != nil {
			return fmt.Errorf("record of kind %d: %w", num, err)
		}
	}
	return nil
}

// record loads one record, which is given as a string too.
func (r *snapshotReader) record(num protowire.Number, b []byte, s string) error {
	c := decoder(b)
	c.clients = r.clients
	switch num {
	case headerRecord:
		c.header(0, &r.header)
		r.loader = gate.NewLoader(r.header.Counters)
	case sessionRecord:
		return take(&c, &r.seen.Sessions, (*coder).session, r.loader.Session)
	case ledgerRecord:
		return take(&c, &r.seen.Ledgers, (*coder).ledger, r.loader.Ledger)
	case answerRecord:
		return take(&c, &r.seen.Answers, (*coder).answer, r.loader.Answer)
	case holdRecord:
		c.shared, r.hold = s, gate.Hold{} // the loader copies the texts
		return fill(&c, &r.seen.Holds, (*coder).hold, r.loader.Hold, &r.hold)
	case requestRecord:
		return take(&c, &r.seen.Requests, (*coder).request, r.loader.Request)
	case endingRecord:
		return take(&c, &r.seen.Endings, (*coder).ending, r.loader.Ending)
	case countsRecord:
		var stored counts
		c.counts(0, &stored)
		if c.err == nil && stored != r.seen {
			return fmt.Errorf("%w: it holds %+v, but should %+v", ErrMalformed, r.seen, stored)
		}
		r.complete = true
	default:
		return fmt.Errorf("%w: unknown record", ErrNewer)
	}
	return c.err
}

// take decodes one record, counts it and loads it.
func take[T any](c *coder, n *uint64, fields func(*coder, protowire.Number, *T), load func(*T)) error {
	return fill(c, n, fields, load, new(T))
}

// fill is take into the memory of x, which is zero.
func fill[T any](c *coder, n *uint64, fields func(*coder, protowire.Number, *T), load func(*T), x *T) error {
	fields(c, 0, x)
	if c.err != nil {
		return c.err
	}
	*n++
	load(x)
	return nil
}

// cutShort makes an end of file where there must be none a malformed file.
// Other read errors stay as they are.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: cut short", ErrMalformed)
	}
	return err
}
