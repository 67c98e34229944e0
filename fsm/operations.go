package fsm

import (
	"fmt"

	"lockd/gate"

	"google.golang.org/protobuf/encoding/protowire"
)

// Everything that grows with a new lock operation is in this file: its line in
// ops, its field table, and what it adds to a result.

// AppendCommand appends the encoded command to b. It keeps nothing of x.
func AppendCommand(b []byte, x *gate.Command) []byte {
	c := encoder(append(b, commandVersion))
	c.command(x)
	return c.b
}

// DecodeCommand returns the command that b encodes; it keeps nothing of b. The
// error wraps ErrNewer for a version, an operation or a value that this build
// does not know, and ErrMalformed for bytes that are no command.
func DecodeCommand(b []byte) (*gate.Command, error) {
	return decodeCommand(b, new(gate.Command), nil)
}

// decodeCommand replaces x by the command that b encodes, its operation in the
// memory of spare if there is some.
func decodeCommand(b []byte, x *gate.Command, spare *spareOps) (*gate.Command, error) {
	b, err := cutVersion("command", b, commandVersion)
	if err != nil {
		return nil, err
	}
	c := decoder(b)
	c.spare = spare
	*x = gate.Command{}
	c.command(x)
	if c.err == nil && x.Op == nil {
		c.err = fmt.Errorf("%w: command without an operation", ErrMalformed)
	}
	if c.err != nil {
		return nil, fmt.Errorf("command: %w", c.err)
	}
	return x, nil
}

// AppendResult appends the encoded result to b. It keeps nothing of x.
func AppendResult(b []byte, x *gate.Result) []byte {
	c := encoder(append(b, resultVersion))
	c.result(0, x)
	return c.b
}

// DecodeResult returns the result that b encodes; it keeps nothing of b. The
// errors are those of DecodeCommand.
func DecodeResult(b []byte) (*gate.Result, error) {
	b, err := cutVersion("result", b, resultVersion)
	if err != nil {
		return nil, err
	}
	c, x := decoder(b), new(gate.Result)
	c.result(0, x)
	if c.err != nil {
		return nil, fmt.Errorf("result: %w", c.err)
	}
	return x, nil
}

// firstOp is the lowest field number of an operation. From here on a field of
// a command that is unknown is an unknown operation, and refused.
const firstOp protowire.Number = 16

// The operations that most commands have.
const (
	acquireField protowire.Number = 16
	releaseField protowire.Number = 17
)

func (c *coder) command(x *gate.Command) {
	m := c.open(0)
	m.closed = firstOp
	for c.pass(&m) {
		c.someSessionID(1, &x.Session)
		unsigned(c, 2, &x.Seq)
		unsigned(c, 3, &x.Acked)
		numbers(c, 4, &x.Done)
		before := len(c.b)
		c.ops(&x.Op)
		if !c.decoding && len(c.b) == before {
			panic(fmt.Sprintf("fsm: operation %T has no field number", x.Op))
		}
	}
}

func (c *coder) ops(x *gate.Op) {
	if op := operation[gate.Acquire](c, acquireField, x); op != nil {
		c.acquire(acquireField, op)
	}
	if op := operation[gate.Release](c, releaseField, x); op != nil {
		c.release(releaseField, op)
	}
	if op := operation[gate.Downgrade](c, 18, x); op != nil {
		c.downgrade(18, op)
	}
	if op := operation[gate.Break](c, 19, x); op != nil {
		c.breakHold(19, op)
	}
	if op := operation[gate.OpenSession](c, 20, x); op != nil {
		c.openSession(20, op)
	}
	if op := operation[gate.CloseSession](c, 21, x); op != nil {
		c.closeSession(21)
	}
	if op := operation[gate.ReleaseRun](c, 22, x); op != nil {
		c.releaseRun(22, op)
	}
	if op := operation[gate.StartTerm](c, 23, x); op != nil {
		c.startTerm(23, op)
	}
	if op := operation[gate.Expire](c, 24, x); op != nil {
		c.expire(24, op)
	}
}

// operation returns where to carry the operation of field num, or nil if it is
// not to be carried now: encoding, x is another one; decoding, another is at hand.
func operation[T any, P interface {
	*T
	gate.Op
}](c *coder, num protowire.Number, x *gate.Op) P {
	if !c.decoding {
		op, _ := (*x).(P)
		return op
	}
	if c.num != num {
		return nil
	}
	if *x != nil {
		c.fail("second operation of one command")
		return nil
	}
	op, _ := c.spare.next(num).(P)
	if op == nil {
		op = new(T)
	}
	*x = op
	return op
}

func (c *coder) acquire(num protowire.Number, x *gate.Acquire) {
	for m := c.open(num); c.pass(&m); {
		text(c, 1, &x.Run)
		c.wants(2, &x.Wants)
		unsigned(c, 3, &x.Limit)
		signed(c, 4, &x.Wait)
		signed(c, 5, &x.TTL)
		fixed(c, 6, &x.Nonce)
		text(c, 7, &x.Reason)
		c.someClient(8, &x.Client)
		unsigned(c, 9, &x.Resume)
	}
	c.needSome(len(x.Wants))
}

func (c *coder) release(num protowire.Number, x *gate.Release) {
	for m := c.open(num); c.pass(&m); {
		text(c, 1, &x.Run)
		c.gives(2, &x.Gives)
	}
	c.needSome(len(x.Gives))
}

func (c *coder) gives(num protowire.Number, xs *[]gate.Give) {
	fresh := each(c, num, xs)
	for i := range fresh {
		x := &fresh[i]
		for m := c.open(num); c.pass(&m); {
			c.someName(1, &x.Name)
			unsigned(c, 2, &x.Token)
		}
		c.needName(x.Name)
	}
}

func (c *coder) downgrade(num protowire.Number, x *gate.Downgrade) {
	for m := c.open(num); c.pass(&m); {
		text(c, 1, &x.Run)
		c.someName(2, &x.Name)
		unsigned(c, 3, &x.Token)
		enum(c, 4, &x.Mode, gate.Shared)
		enum(c, 5, &x.Scope, gate.Tree)
		boolean(c, 6, &x.KeepMode)
		boolean(c, 7, &x.KeepScope)
	}
	c.needName(x.Name)
}

func (c *coder) breakHold(num protowire.Number, x *gate.Break) {
	for m := c.open(num); c.pass(&m); {
		c.someName(1, &x.Name)
		unsigned(c, 2, &x.Token)
		text(c, 3, &x.Reason)
		text(c, 4, &x.Actor)
		c.someClient(5, &x.Client)
	}
	c.needName(x.Name)
}

func (c *coder) openSession(num protowire.Number, x *gate.OpenSession) {
	for m := c.open(num); c.pass(&m); {
		signed(c, 1, &x.TTL)
		signed(c, 2, &x.LockDelay)
		c.someClient(3, &x.Client)
		fixed(c, 4, &x.Nonce)
	}
}

func (c *coder) closeSession(num protowire.Number) {
	for m := c.open(num); c.pass(&m); {
	}
}

func (c *coder) releaseRun(num protowire.Number, x *gate.ReleaseRun) {
	for m := c.open(num); c.pass(&m); {
		text(c, 1, &x.Run)
	}
}

func (c *coder) startTerm(num protowire.Number, x *gate.StartTerm) {
	for m := c.open(num); c.pass(&m); {
		unsigned(c, 1, &x.Term)
		text(c, 2, &x.Leader)
		text(c, 3, &x.ClientURL)
	}
}

func (c *coder) expire(num protowire.Number, x *gate.Expire) {
	for m := c.open(num); c.pass(&m); {
		unsigned(c, 1, &x.Term)
		numbers(c, 2, &x.Sessions)
		numbers(c, 3, &x.Requests)
		numbers(c, 4, &x.Delays)
		unsigned(c, 5, &x.Seen)
	}
}

func (c *coder) result(num protowire.Number, x *gate.Result) {
	for m := c.open(num); c.pass(&m); {
		unsigned(c, 1, &x.Code)
		text(c, 2, &x.Run)
		c.someSessionID(3, &x.Session)
		boolean(c, 4, &x.Reentrant)
		boolean(c, 5, &x.Withdrawn)
		c.grants(6, &x.Grants)
		c.conflicts(7, &x.Conflicts)
		c.names(8, &x.Missing)
		texts(c, 9, &x.Cycle)
		signed(c, 10, &x.At)
		unsigned(c, 11, &x.Limit)
		unsigned(c, 12, &x.Request)
		unsigned(c, 13, &x.Position)
		unsigned(c, 14, &x.Waiting)
		signed(c, 15, &x.Wait)
		signed(c, 16, &x.Waited)
		signed(c, 17, &x.TTL)
		signed(c, 18, &x.LockDelay)
		unsigned(c, 19, &x.Count)
	}
}

func (c *coder) grants(num protowire.Number, xs *[]gate.Grant) {
	fresh := each(c, num, xs)
	for i := range fresh {
		x := &fresh[i]
		for m := c.open(num); c.pass(&m); {
			c.someName(1, &x.Name)
			enum(c, 2, &x.Mode, gate.Shared)
			enum(c, 3, &x.Scope, gate.Tree)
			unsigned(c, 4, &x.Token)
			if ending := optional(c, 5, &x.Previous); ending != nil {
				c.ending(5, ending)
			}
		}
	}
}

func (c *coder) conflicts(num protowire.Number, xs *[]gate.Conflict) {
	fresh := each(c, num, xs)
	for i := range fresh {
		x := &fresh[i]
		for m := c.open(num); c.pass(&m); {
			c.someName(1, &x.Name)
			holders := each(c, 2, &x.Holders)
			for j := range holders {
				c.hold(2, &holders[j])
			}
			unsigned(c, 3, &x.Waiting)
		}
	}
}
