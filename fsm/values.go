package fsm

import (
	"fmt"

	"lockd/gate"

	"google.golang.org/protobuf/encoding/protowire"
)

// The field tables of what operations, results and records have in common.
// Field numbers are for ever: a field that is no longer used leaves a gap.

func (c *coder) name(num protowire.Number, x *gate.Name) {
	for m := c.open(num); c.pass(&m); {
		enum(c, 1, &x.Kind, gate.Reference)
		text(c, 2, &x.Text)
	}
}

// someName carries a name unless it is zero.
func (c *coder) someName(num protowire.Number, x *gate.Name) {
	if c.has(num, *x != gate.Name{}) {
		c.name(num, x)
	}
}

// needName ends the field table of a message that is on a name. Without a kind
// the table would not know where to look: such a message is never encoded, and
// refused when decoded.
func (c *coder) needName(x gate.Name) {
	switch {
	case x.Kind != 0 || c.err != nil:
	case c.decoding:
		c.fail("no name before it")
	default:
		panic(fmt.Sprintf("fsm: name %q has no kind", x.Text))
	}
}

// needSome ends the field table of a message that is about n names: with none
// it would be about nothing, and is treated as if a name had no kind.
func (c *coder) needSome(n int) {
	switch {
	case n > 0 || c.err != nil:
	case c.decoding:
		c.fail("no names before it")
	default:
		panic("fsm: a request, acquire or release of nothing")
	}
}

func (c *coder) names(num protowire.Number, xs *[]gate.Name) {
	fresh := each(c, num, xs)
	for i := range fresh {
		c.name(num, &fresh[i])
	}
}

func (c *coder) someSessionID(num protowire.Number, x *gate.SessionID) {
	if !c.has(num, !x.IsZero()) {
		return
	}
	for m := c.open(num); c.pass(&m); {
		unsigned(c, 1, &x.Number)
		fixed(c, 2, &x.Nonce)
	}
}

func (c *coder) client(num protowire.Number, x *gate.Client) {
	for m := c.open(num); c.pass(&m); {
		text(c, 1, &x.Name)
		text(c, 2, &x.Host)
		unsigned(c, 3, &x.PID)
	}
}

// someClient carries a client unless it is zero.
func (c *coder) someClient(num protowire.Number, x *gate.Client) {
	if c.has(num, *x != gate.Client{}) {
		c.client(num, x)
	}
}

// optionalClient carries a client unless there is none. A coder that remembers
// clients decodes equal ones to the same copy, which then stands by itself.
func (c *coder) optionalClient(num protowire.Number, x **gate.Client) {
	if c.clients == nil || c.num != num {
		if to := optional(c, num, x); to != nil {
			c.client(num, to)
		}
		return
	}
	n := c.length(num)
	if c.err != nil {
		return
	}
	body := c.b[c.pos : c.pos+n]
	known := c.clients[string(body)]
	if known == nil {
		one := decoder(body)
		known = new(gate.Client)
		one.client(0, known)
		c.err = one.err
		if len(c.clients) < maxClients {
			c.clients[string(body)] = known
		}
	}
	*x = known
	c.pos += n
	c.next()
}

func (c *coder) wants(num protowire.Number, xs *[]gate.Want) {
	fresh := each(c, num, xs)
	for i := range fresh {
		x := &fresh[i]
		for m := c.open(num); c.pass(&m); {
			c.someName(1, &x.Name)
			enum(c, 2, &x.Mode, gate.Shared)
			enum(c, 3, &x.Scope, gate.Tree)
		}
		c.needName(x.Name)
	}
}

func (c *coder) hold(num protowire.Number, x *gate.Hold) {
	for m := c.open(num); c.pass(&m); {
		c.someName(1, &x.Name)
		enum(c, 2, &x.Mode, gate.Shared)
		enum(c, 3, &x.Scope, gate.Tree)
		text(c, 4, &x.Run)
		c.someSessionID(5, &x.Session)
		unsigned(c, 6, &x.Token)
		signed(c, 7, &x.At)
		text(c, 8, &x.Reason)
		c.optionalClient(9, &x.Client)
		unsigned(c, 10, &x.Limit)
		unsigned(c, 11, &x.Request)
		enum(c, 12, &x.Ended, gate.EndReplaced)
		signed(c, 13, &x.Delay)
	}
	c.needName(x.Name)
}

func (c *coder) ending(num protowire.Number, x *gate.Ending) {
	for m := c.open(num); c.pass(&m); {
		c.someName(1, &x.Name)
		text(c, 2, &x.Run)
		enum(c, 3, &x.End, gate.EndReplaced)
		unsigned(c, 4, &x.Order)
		unsigned(c, 5, &x.Token)
		enum(c, 6, &x.Mode, gate.Shared)
		enum(c, 7, &x.Scope, gate.Tree)
		signed(c, 8, &x.From)
		signed(c, 9, &x.At)
		text(c, 10, &x.Reason)
		c.optionalClient(11, &x.Client)
		if by := optional(c, 12, &x.By); by != nil {
			c.breaker(12, by)
		}
	}
	c.needName(x.Name)
}

func (c *coder) breaker(num protowire.Number, x *gate.Breaker) {
	for m := c.open(num); c.pass(&m); {
		text(c, 1, &x.Reason)
		text(c, 2, &x.Actor)
		c.someClient(3, &x.Client)
	}
}
