package cluster

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"lockd/gate"
)

// The kinds of requests between nodes. They are on the wire: never reuse one. A
// message whose form must change gets a new kind.
const (
	// kindPropose carries commands; it is answered by a first frame with what
	// became of each, and by a late frame for each request that was queued.
	kindPropose byte = 1
	// kindRead carries a query.
	kindRead byte = 2
	// kindKeepalive carries session ids.
	kindKeepalive byte = 3
	// kindStatus asks a member about itself; the answer is JSON.
	kindStatus byte = 4
	// kindTransfer asks the leader to give leadership to a member.
	kindTransfer byte = 5
	// kindTry carries a command that is a try; the answer is its refusal.
	kindTry byte = 6
)

// The ways in which a request of another node ends. They are on the wire.
const (
	endOK         byte = 0
	endNotApplied byte = 1
	endUnknown    byte = 2
	endOverloaded byte = 3
	endFailed     byte = 4
)

// endOf sorts an error for the wire.
func endOf(err error) byte {
	switch {
	case err == nil:
		return endOK
	case errors.Is(err, ErrOverloaded):
		return endOverloaded
	case errors.Is(err, errNotApplied), errors.Is(err, ErrShuttingDown), errors.Is(err, ErrNoLeader):
		return endNotApplied
	default:
		return endUnknown
	}
}

// errorOf is the inverse of endOf.
func errorOf(end byte) error {
	switch end {
	case endOK:
		return nil
	case endOverloaded:
		return fmt.Errorf("%w: at the leader", ErrOverloaded)
	case endNotApplied:
		return fmt.Errorf("%w: the node asked does not lead", errNotApplied)
	default:
		return ErrOutcomeUnknown
	}
}

// appendBytes appends b with its length before it.
func appendBytes(to, b []byte) []byte {
	return append(binary.AppendUvarint(to, uint64(len(b))), b...)
}

// cursor reads a message. After the first thing that is not there it reads
// zeros, and err says so.
type cursor struct {
	rest []byte
	err  error
}

func (c *cursor) fail() {
	c.rest, c.err = nil, errMalformed
}

func (c *cursor) byte() byte {
	if len(c.rest) == 0 {
		c.fail()
		return 0
	}
	b := c.rest[0]
	c.rest = c.rest[1:]
	return b
}

func (c *cursor) number() uint64 {
	x, size := binary.Uvarint(c.rest)
	if size <= 0 {
		c.fail()
		return 0
	}
	c.rest = c.rest[size:]
	return x
}

// bytes returns a part of the message, not a copy.
func (c *cursor) bytes() []byte {
	size := c.number()
	if size > uint64(len(c.rest)) {
		c.fail()
		return nil
	}
	b := c.rest[:size:size]
	c.rest = c.rest[size:]
	return b
}

// more reports whether something is left to read.
func (c *cursor) more() bool { return len(c.rest) > 0 }

func appendSessionID(b []byte, id gate.SessionID) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, id.Number), id.Nonce)
}

func (c *cursor) sessionID() gate.SessionID {
	return gate.SessionID{Number: c.number(), Nonce: c.number()}
}

func appendLease(b []byte, l Lease) []byte {
	b = appendSessionID(b, l.ID)
	if !l.Alive {
		return append(b, 0)
	}
	b = append(b, 1)
	b = binary.AppendUvarint(b, uint64(l.TTL))
	b = binary.AppendUvarint(b, uint64(l.Left))
	return binary.AppendUvarint(b, l.Lost)
}

func (c *cursor) lease() Lease {
	l := Lease{ID: c.sessionID()}
	if c.byte() == 0 {
		return l
	}
	l.Alive = true
	l.TTL, l.Left, l.Lost = time.Duration(c.number()), time.Duration(c.number()), c.number()
	return l
}
