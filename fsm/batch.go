package fsm

import (
	"fmt"

	"lockd/gate"
)

// Batch is what one log entry, or one frame between nodes, holds: commands in
// the order in which they are applied, each as AppendCommand encodes it.
type Batch struct {
	// Time is when the leader proposed the batch; for display.
	Time     gate.Wall
	Commands [][]byte
}

// AppendBatch appends the encoded batch to b. It keeps nothing of x.
func AppendBatch(b []byte, x *Batch) []byte {
	c := encoder(append(b, batchVersion))
	c.batch(x)
	return c.b
}

// DecodeBatch returns the batch that b encodes. Its commands are part of b and
// have not been looked at. The errors are those of DecodeCommand.
func DecodeBatch(b []byte) (*Batch, error) {
	x := new(Batch)
	if err := x.decode(b); err != nil {
		return nil, err
	}
	return x, nil
}

// decode replaces x by the batch that b encodes, in the same memory.
func (x *Batch) decode(b []byte) error {
	x.Time, x.Commands = 0, x.Commands[:0]
	b, err := cutVersion("batch", b, batchVersion)
	if err != nil {
		return err
	}
	c := decoder(b)
	c.batch(x)
	if c.err != nil {
		return fmt.Errorf("batch: %w", c.err)
	}
	return nil
}

func (c *coder) batch(x *Batch) {
	for m := c.open(0); c.pass(&m); {
		signed(c, 1, &x.Time)
		raws(c, 2, &x.Commands)
	}
}
