package fsm

import (
	"lockd/gate"

	"google.golang.org/protobuf/encoding/protowire"
)

// The field tables of a snapshot's records, beside those of values.go.

func (c *coder) counters(num protowire.Number, x *gate.Counters) {
	for m := c.open(num); c.pass(&m); {
		unsigned(c, 1, &x.Token)
		unsigned(c, 2, &x.Number)
		unsigned(c, 3, &x.Ending)
		unsigned(c, 4, &x.Term)
		text(c, 5, &x.Leader)
		text(c, 6, &x.ClientURL)
		unsigned(c, 7, &x.Restart)
	}
}

func (c *coder) session(num protowire.Number, x *gate.Session) {
	for m := c.open(num); c.pass(&m); {
		c.someSessionID(1, &x.ID)
		signed(c, 2, &x.TTL)
		signed(c, 3, &x.LockDelay)
		c.optionalClient(4, &x.Client)
		boolean(c, 5, &x.Private)
		unsigned(c, 6, &x.Lost)
		signed(c, 7, &x.At)
		unsigned(c, 8, &x.Restart)
	}
}

func (c *coder) ledger(num protowire.Number, x *gate.Ledger) {
	for m := c.open(num); c.pass(&m); {
		unsigned(c, 1, &x.Session)
		unsigned(c, 2, &x.Acked)
		c.seqRanges(3, &x.Done)
		unsigned(c, 4, &x.Answers)
	}
}

func (c *coder) seqRanges(num protowire.Number, xs *[]gate.SeqRange) {
	fresh := each(c, num, xs)
	for i := range fresh {
		x := &fresh[i]
		for m := c.open(num); c.pass(&m); {
			unsigned(c, 1, &x.From)
			unsigned(c, 2, &x.To)
		}
	}
}

func (c *coder) answer(num protowire.Number, x *gate.SeqAnswer) {
	for m := c.open(num); c.pass(&m); {
		unsigned(c, 1, &x.Session)
		unsigned(c, 2, &x.Seq)
		fixed(c, 3, &x.Digest)
		unsigned(c, 4, &x.Request)
		if result := optional(c, 5, &x.Result); result != nil {
			c.result(5, result)
		}
	}
}

func (c *coder) request(num protowire.Number, x *gate.Request) {
	for m := c.open(num); c.pass(&m); {
		unsigned(c, 1, &x.Number)
		text(c, 2, &x.Run)
		c.someSessionID(3, &x.Session)
		c.wants(4, &x.Wants)
		unsigned(c, 5, &x.Limit)
		signed(c, 6, &x.Wait)
		signed(c, 7, &x.At)
		text(c, 8, &x.Reason)
		c.optionalClient(9, &x.Client)
		c.joins(10, &x.Joins)
	}
	c.needSome(len(x.Wants))
}

func (c *coder) joins(num protowire.Number, xs *[]gate.Join) {
	fresh := each(c, num, xs)
	for i := range fresh {
		x := &fresh[i]
		for m := c.open(num); c.pass(&m); {
			unsigned(c, 1, &x.Session)
			unsigned(c, 2, &x.Seq)
		}
	}
}
