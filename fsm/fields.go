package fsm

import (
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// The fields that messages are made of. Each function is one line of a field
// table: it carries one field in the coder's direction, and nothing if the
// value is zero or the field is not the one at hand.

// unsigned carries a whole number that must fit T.
func unsigned[T ~uint8 | ~uint32 | ~uint64](c *coder, num protowire.Number, x *T) {
	if !c.decoding {
		c.appendVarint(num, uint64(*x))
	} else if c.expect(num, protowire.VarintType) {
		*x = T(c.varint(uint64(^T(0))))
		c.next()
	}
}

// signed carries a duration or a time; a negative one costs ten bytes.
func signed[T ~int64](c *coder, num protowire.Number, x *T) {
	if !c.decoding {
		c.appendVarint(num, uint64(*x))
	} else if c.expect(num, protowire.VarintType) {
		*x = T(c.varint(math.MaxUint64))
		c.next()
	}
}

// enum carries one of a closed set of values. A value above most was added by
// a newer lockd: without knowing it nothing right can be done.
func enum[T ~uint8](c *coder, num protowire.Number, x *T, most T) {
	if !c.decoding {
		c.appendVarint(num, uint64(*x))
	} else if c.expect(num, protowire.VarintType) {
		value := c.varint(math.MaxUint64)
		if value > uint64(most) && c.err == nil {
			c.err = fmt.Errorf("%w: value %d of field %d", ErrNewer, value, num)
		}
		*x = T(value)
		c.next()
	}
}

// boolean carries a yes or no.
func boolean(c *coder, num protowire.Number, x *bool) {
	if !c.decoding {
		c.appendVarint(num, protowire.EncodeBool(*x))
	} else if c.expect(num, protowire.VarintType) {
		*x = c.varint(1) == 1
		c.next()
	}
}

// fixed carries a number that is as likely large as small.
func fixed(c *coder, num protowire.Number, x *uint64) {
	switch {
	case !c.decoding && *x != 0:
		c.b = protowire.AppendFixed64(protowire.AppendTag(c.b, num, protowire.Fixed64Type), *x)
	case c.decoding && c.expect(num, protowire.Fixed64Type):
		value, n := protowire.ConsumeFixed64(c.b[c.pos:c.end])
		if n < 0 {
			c.fail(protowire.ParseError(n))
			return
		}
		*x = value
		c.pos += n
		c.next()
	}
}

// text carries a string, byte for byte.
func text(c *coder, num protowire.Number, x *string) {
	if c.has(num, *x != "") {
		textElement(c, num, x)
	}
}

// texts carries strings, empty ones too.
func texts(c *coder, num protowire.Number, xs *[]string) {
	fresh := each(c, num, xs)
	for i := range fresh {
		textElement(c, num, &fresh[i])
	}
}

func textElement(c *coder, num protowire.Number, x *string) {
	if !c.decoding {
		c.b = protowire.AppendString(protowire.AppendTag(c.b, num, protowire.BytesType), *x)
		return
	}
	n := c.length(num)
	if c.err != nil {
		return
	}
	switch {
	case len(c.b) > sharedTextBytes:
		*x = string(c.b[c.pos : c.pos+n])
	case c.shared == "":
		c.shared = string(c.b)
		fallthrough
	default:
		*x = c.shared[c.pos : c.pos+n]
	}
	c.pos += n
	c.next()
}

// raws carries encoded messages without looking into them. The decoded ones
// are part of the input.
func raws(c *coder, num protowire.Number, xs *[][]byte) {
	fresh := each(c, num, xs)
	for i := range fresh {
		if !c.decoding {
			c.b = protowire.AppendBytes(protowire.AppendTag(c.b, num, protowire.BytesType), fresh[i])
			continue
		}
		n := c.length(num)
		if c.err != nil {
			return
		}
		fresh[i] = c.b[c.pos : c.pos+n : c.pos+n]
		c.pos += n
		c.next()
	}
}

// numbers carries whole numbers, packed.
func numbers(c *coder, num protowire.Number, xs *[]uint64) {
	if !c.decoding {
		if len(*xs) == 0 {
			return
		}
		c.b = append(protowire.AppendTag(c.b, num, protowire.BytesType), 0)
		start := len(c.b)
		for _, x := range *xs {
			c.b = protowire.AppendVarint(c.b, x)
		}
		c.closeLength(start)
		return
	}
	if c.num != num {
		return
	}
	n := c.length(num)
	if c.err != nil {
		return
	}
	body := c.b[c.pos : c.pos+n]
	count := 0
	for _, x := range body {
		if x < 0x80 {
			count++
		}
	}
	*xs = slices.Grow(*xs, count)
	for len(body) > 0 {
		x, used := protowire.ConsumeVarint(body)
		if used < 0 {
			c.fail(protowire.ParseError(used))
			return
		}
		*xs = append(*xs, x)
		body = body[used:]
	}
	c.pos += n
	c.next()
}

// optional returns where to carry the message that *x points to, or nil if
// field num is not to be carried now.
func optional[T any](c *coder, num protowire.Number, x **T) *T {
	if !c.has(num, *x != nil) {
		return nil
	}
	if *x == nil {
		*x = new(T)
	}
	return *x
}

func (c *coder) appendVarint(num protowire.Number, x uint64) {
	if x != 0 {
		c.b = protowire.AppendVarint(protowire.AppendTag(c.b, num, protowire.VarintType), x)
	}
}
