package fsm

import (
	"fmt"
	"math"
	"slices"

	"lockd/gate"

	"google.golang.org/protobuf/encoding/protowire"
)

// A coder carries messages in the protobuf wire format. One description of a
// message, its field table, serves both directions: each line names a field's
// number and its place in memory, and the coder writes the one from the other.
//
//	for m := c.open(num); c.pass(&m); {
//		text(c, 1, &x.Run)
//		unsigned(c, 2, &x.Token)
//	}
//
// Encoding, the table is passed once and zero values are left out. Decoding,
// each line takes its field if that comes next; messages written in the order
// of the table need one pass, others more, and a field that a whole pass has
// left lying is unknown and skipped. No field table may depend on values of
// fields decoded before.
//
// All calls are static, so a coder and the values it fills stay off the heap
// unless the caller puts them there.
type coder struct {
	decoding bool
	// b is the output so far, or the input.
	b []byte

	// The rest is for decoding alone. The field at hand has number num (zero
	// at the end of the message) and type typ; its value starts at pos. The
	// message at hand ends at end.
	pos, end int
	num      protowire.Number
	typ      protowire.Type
	// shared is the input as a string, which decoded strings are part of;
	// empty until the first one, and always if the input is too long to share.
	shared string
	// spare has memory for the operation that is decoded; nil if that is to have its own.
	spare *spareOps
	// clients are those decoded so far, by their encoding; nil to keep none.
	clients map[string]*gate.Client
	err     error
}

// message is the state of one message that is being passed.
type message struct {
	// start is where the body begins, encoding; where the last pass began, decoding.
	start int
	begun bool
	// root messages have neither tag nor length.
	root bool
	// outer is the end of the message around, decoding.
	outer int
	// closed is the lowest field number that may not be unknown; zero if all may.
	closed protowire.Number
}

// encoder returns a coder that appends to b.
func encoder(b []byte) coder { return coder{b: b} }

// decoder returns a coder that reads b, and never writes to it.
func decoder(b []byte) coder { return coder{decoding: true, b: b} }

// open begins field num, a message; zero stands for the root, which is all of
// the input or output. The caller has made sure that the field is to be carried.
func (c *coder) open(num protowire.Number) message {
	m := message{root: num == 0}
	switch {
	case !c.decoding && m.root:
	case !c.decoding:
		c.b = append(protowire.AppendTag(c.b, num, protowire.BytesType), 0)
		m.start = len(c.b)
	case m.root:
		c.pos, c.end = 0, len(c.b)
		c.next()
	default:
		m.outer = c.end
		if n := c.length(num); c.err == nil {
			c.end = c.pos + n
			c.next()
		}
	}
	return m
}

// pass reports whether the message's fields are to be visited (again), and
// closes the message if not.
func (c *coder) pass(m *message) bool {
	first := !m.begun
	m.begun = true
	if !c.decoding {
		if !first && !m.root {
			c.closeLength(m.start)
		}
		return first
	}
	if !first && c.num != 0 && c.pos == m.start {
		c.skip(m.closed)
	}
	if c.num != 0 {
		m.start = c.pos
		return true
	}
	if !m.root {
		c.end = m.outer
		c.next()
	}
	return false
}

// closeLength writes the length of the message whose body begins at start into
// the byte kept for it, and makes room if the length needs more than one.
func (c *coder) closeLength(start int) {
	n := len(c.b) - start
	if extra := protowire.SizeVarint(uint64(n)) - 1; extra > 0 {
		var room [9]byte
		c.b = append(c.b, room[:extra]...)
		copy(c.b[start+extra:], c.b[start:start+n])
	}
	protowire.AppendVarint(c.b[:start-1], uint64(n))
}

// next makes the following field of the message the one at hand.
func (c *coder) next() {
	if c.err != nil || c.pos == c.end {
		c.num = 0
		return
	}
	if tag := c.b[c.pos]; 1<<3 <= tag && tag < 0x80 {
		c.num, c.typ = protowire.Number(tag>>3), protowire.Type(tag&7)
		c.pos++
		return
	}
	num, typ, n := protowire.ConsumeTag(c.b[c.pos:c.end])
	if n < 0 {
		c.fail(protowire.ParseError(n))
		return
	}
	c.num, c.typ, c.pos = num, typ, c.pos+n
}

// consumeTag is protowire's, quicker where the tag is one byte, as most are.
func consumeTag(b []byte) (num protowire.Number, typ protowire.Type, n int) {
	if len(b) > 0 && 1<<3 <= b[0] && b[0] < 0x80 {
		return protowire.Number(b[0] >> 3), protowire.Type(b[0] & 7), 1
	}
	return protowire.ConsumeTag(b)
}

// consumeVarint is protowire's, quicker where the number is one byte.
func consumeVarint(b []byte) (x uint64, n int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	return protowire.ConsumeVarint(b)
}

// skip leaves out the field at hand, unless its number is refused.
func (c *coder) skip(refused protowire.Number) {
	if refused > 0 && c.num >= refused {
		c.err = fmt.Errorf("%w: unknown field %d", ErrNewer, c.num)
		c.num = 0
		return
	}
	n := protowire.ConsumeFieldValue(c.num, c.typ, c.b[c.pos:c.end])
	if n < 0 {
		c.fail(protowire.ParseError(n))
		return
	}
	c.pos += n
	c.next()
}

// fail ends the decoding of all messages. The first error counts.
func (c *coder) fail(why any) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: field %d at byte %d of %d: %v", ErrMalformed, c.num, c.pos, len(c.b), why)
	}
	c.num = 0
}

// has reports whether field num is to be carried now: encoding, if it is set;
// decoding, if it is at hand.
func (c *coder) has(num protowire.Number, set bool) bool {
	if c.decoding {
		return c.num == num
	}
	return set
}

// expect reports whether the field at hand, to be decoded, has the type it
// must have.
func (c *coder) expect(num protowire.Number, typ protowire.Type) bool {
	if c.num != num {
		return false
	}
	if c.typ != typ {
		c.fail(fmt.Sprintf("wire type %d, want %d", c.typ, typ))
		return false
	}
	return true
}

// varint takes the number at hand; its value is at most the given one.
func (c *coder) varint(most uint64) uint64 {
	if c.pos < c.end && c.b[c.pos] < 0x80 && uint64(c.b[c.pos]) <= most {
		c.pos++
		return uint64(c.b[c.pos-1])
	}
	x, n := protowire.ConsumeVarint(c.b[c.pos:c.end])
	switch {
	case n < 0:
		c.fail(protowire.ParseError(n))
		return 0
	case x > most:
		c.fail(fmt.Sprintf("%d is above %d", x, most))
		return 0
	}
	c.pos += n
	return x
}

// length takes the length of the field at hand, which is then sure to be there.
func (c *coder) length(num protowire.Number) int {
	if !c.expect(num, protowire.BytesType) {
		return 0
	}
	n := c.varint(math.MaxInt32)
	if n > uint64(c.end-c.pos) {
		c.fail("longer than its message")
		return 0
	}
	return int(n)
}

// each returns the elements of a repeated field that are to be carried now:
// encoding, all; decoding, as many new ones as fields num follow each other,
// after those in xs. The caller carries every one of them.
func each[T any](c *coder, num protowire.Number, xs *[]T) []T {
	if !c.decoding {
		return *xs
	}
	n := c.adjacent(num)
	if n == 0 {
		return nil
	}
	had := len(*xs)
	*xs = slices.Grow(*xs, n)[:had+n]
	return (*xs)[had:]
}

// adjacent counts the fields num from the one at hand on.
func (c *coder) adjacent(num protowire.Number) int {
	if c.num != num {
		return 0
	}
	rest := c.b[c.pos:c.end]
	for n := 1; ; n++ {
		size, used := consumeVarint(rest)
		if used < 0 || size > uint64(len(rest)-used) {
			return n
		}
		rest = rest[used+int(size):]
		following, typ, tag := consumeTag(rest)
		if tag < 0 || following != num || typ != protowire.BytesType {
			return n
		}
		rest = rest[tag:]
	}
}
