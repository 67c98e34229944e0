package lockd

import (
	"context"
	"errors"
)

// line is one user's way over a trunk.
type line struct {
	*trunk
	seat  *seat
	watch watch
}

func (l *line) attempt(ctx context.Context, method, path string, body []byte) (r reply, sent bool, err error) {
	if ctx.Err() != nil {
		return reply{}, false, ctx.Err() // it may have interrupted a call already
	}
	b, err := l.stream(ctx)
	if err != nil {
		return reply{}, false, err
	}
	another, fired := l.watch.over(ctx)
	if fired {
		l.seat = newSeat() // the other was, or is being, interrupted
	}
	if another {
		l.watch.begin(ctx, l.seat.interrupt)
	}
	r, err = b.call(ctx, l.seat, method, path, body)
	if errors.Is(err, errBroken) {
		l.next(b)
		return reply{}, true, err
	}
	// The answer around the body has an id and a status, too.
	if inner, found := after(r.body, "body"); found {
		r.body = inner
	}
	return r, false, err
}

// close leaves the trunk to the others; the cluster's Close ends it.
func (l *line) close() { l.watch.end() }

// trunk is the shared connection of the clients that prefer a node.
func (c *cluster) trunk(node int) *trunk {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.trunks[node] == nil {
		t := &trunk{at: node}
		for i := range nodes {
			t.hosts = append(t.hosts, c.address(i))
		}
		c.trunks[node] = t
	}
	return c.trunks[node]
}

func (c *cluster) closeTrunks() {
	c.mu.Lock()
	trunks := c.trunks
	c.trunks = [nodes]*trunk{}
	c.mu.Unlock()
	for _, t := range trunks {
		if t != nil {
			t.close()
		}
	}
}
