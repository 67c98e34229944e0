package virtual

import (
	"context"
	"slices"
	"sync"
	"time"
)

type linkHandler interface {
	Serve(ctx context.Context, kind byte, payload []byte, reply func(payload []byte, last bool))
}

// serve makes the port serve what other nodes send over their links.
func (p *port) serve(handler linkHandler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handler = handler
}

func (p *port) served() linkHandler {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.handler
}

// Send implements cluster.Link as a kept connection does: bytes that are lost are
// sent again, so that nothing arrives out of order; a connection that is cut goes
// unnoticed for a while, in which requests are taken and lead nowhere; when it
// breaks, every outstanding request fails with an unknown outcome. Only a failed
// dial is certain.
func (p *port) Send(addr string, kind byte, payload []byte, answer func([]byte, bool, error)) (func(), error) {
	c, err := p.network.connect(p, addr)
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	r := &request{conn: c, answer: answer, end: end}
	if !c.add(r) {
		end()
		return nil, errRefused
	}
	sent := slices.Clone(payload)
	c.there.push(func() {
		if ctx.Err() == nil {
			c.to.served().Serve(ctx, kind, sent, r.reply)
		}
	})
	return r.cancel, nil
}

// conn is an open connection of one node to another.
type conn struct {
	from, to    *port
	there, back *pipe
	broken      chan struct{}
	once        sync.Once

	mu       sync.Mutex
	requests map[*request]bool
	ended    bool
}

// connect returns the connection in use, or dials.
func (w *network) connect(from *port, to string) (*conn, error) {
	key := [2]string{from.name, to}
	w.mu.Lock()
	c := w.conns[key]
	w.mu.Unlock()
	if c != nil && c.from == from && !c.isBroken() {
		return c, nil
	}
	other := w.port(to)
	if other == nil || other.served() == nil || from.isDead() {
		return nil, errRefused
	}
	if w.isCut(from.name, to) || w.isCut(to, from.name) {
		time.Sleep(w.scale * dialLimit)
		return nil, errSilence
	}
	c = &conn{from: from, to: other, broken: make(chan struct{}), requests: make(map[*request]bool)}
	c.there, c.back = newPipe(c, from.name, to), newPipe(c, to, from.name)
	w.mu.Lock()
	if now := w.conns[key]; now != nil && now.from == from && !now.isBroken() {
		// Somebody else has dialled meanwhile; a second one would never end.
		w.mu.Unlock()
		return now, nil
	}
	w.conns[key] = c
	w.mu.Unlock()
	if from.isDead() || other.isDead() {
		c.die()
	}
	go c.there.run()
	go func() {
		c.back.run()
		c.failAll()
	}()
	return c, nil
}

func (c *conn) isBroken() bool {
	select {
	case <-c.broken:
		return true
	default:
		return false
	}
}

func (c *conn) die() { c.once.Do(func() { close(c.broken) }) }

func (c *conn) add(r *request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return false
	}
	c.requests[r] = true
	return true
}

// drop reports whether the request was outstanding.
func (c *conn) drop(r *request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.requests[r]
	delete(c.requests, r)
	return was
}

// failAll ends what is outstanding on a broken connection, on the goroutine that
// delivered the answers.
func (c *conn) failAll() {
	c.mu.Lock()
	c.ended = true
	rest := c.requests
	c.requests = nil
	c.mu.Unlock()
	for r := range rest {
		r.end()
		r.answer(nil, true, errSilence)
	}
}

// request is one request on a connection.
type request struct {
	conn   *conn
	answer func([]byte, bool, error)
	end    context.CancelFunc
}

func (r *request) cancel() {
	r.conn.drop(r)
	r.end()
}

func (r *request) reply(payload []byte, last bool) {
	r.conn.back.push(func() {
		r.conn.mu.Lock()
		wanted := r.conn.requests[r]
		r.conn.mu.Unlock()
		if !wanted || last && !r.conn.drop(r) {
			return
		}
		if last {
			r.end()
		}
		r.answer(payload, last, nil)
	})
}

// pipe is one direction of a connection: what goes in comes out later, in order.
type pipe struct {
	conn     *conn
	from, to string
	more     chan struct{}

	mu    sync.Mutex
	queue []frame
}

type frame struct {
	due time.Time
	// healed is closed when due counts no longer.
	healed  <-chan struct{}
	deliver func()
}

func newPipe(c *conn, from, to string) *pipe {
	return &pipe{conn: c, from: from, to: to, more: make(chan struct{}, 1)}
}

func (p *pipe) push(deliver func()) {
	w := p.conn.from.network
	healed := w.whenHealed()
	delay, lost := w.fate()
	if lost {
		delay += w.scale * retransmit
	}
	p.mu.Lock()
	p.queue = append(p.queue, frame{time.Now().Add(delay), healed, deliver})
	p.mu.Unlock()
	select {
	case p.more <- struct{}{}:
	default:
	}
}

func (p *pipe) run() {
	for {
		p.mu.Lock()
		queue := p.queue
		p.queue = nil
		p.mu.Unlock()
		for _, f := range queue {
			if !p.passes(f) {
				return
			}
			f.deliver()
		}
		if len(queue) > 0 {
			continue
		}
		select {
		case <-p.more:
		case <-p.conn.broken:
			return
		}
	}
}

// passes waits until the frame is there; false if the connection breaks before.
func (p *pipe) passes(f frame) bool {
	wait := time.Until(f.due)
	for {
		select {
		case <-p.conn.broken:
			return false
		case <-time.After(wait):
		case <-f.healed:
			f.healed, wait = nil, min(wait, usualMost)
			continue
		}
		if !p.conn.from.network.isCut(p.from, p.to) {
			return true
		}
		wait = p.conn.from.network.scale * retransmit
	}
}
