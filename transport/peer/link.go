package peer

import (
	"fmt"
	"sync"
	"time"
)

// A link is this node's way to one address: the connection in use, and the
// rules for dialling the next.
type link struct {
	peer *Peer
	addr string

	mu      sync.Mutex
	conn    *outgoing     // nil before the first dial
	dialing chan struct{} // closed when the dial under way is over; nil if there is none
	dialled time.Time     // when the last dial was over
	refused error         // why it failed, nil if it did not
}

// Send sends one request to the node that serves peers at addr.
//
// A non-nil error means that no byte of the request has left this node and none
// will: the dial failed or was too recent (ErrRedial), the other side refused,
// the payload is too large, or the connection's queue is full. There will be no
// call of answer. The wait is bounded by Config.DialTimeout, spent only if there
// is no connection; calls during a dial share its outcome, and an address is not
// dialled again within 100 ms of the last dial.
//
// After a nil error answer is called from one goroutine, in the order of the
// answers, possibly before Send returns: with each answer, the last of which has
// last set, or once with an error, last set too, when the outcome is unknown.
// Answers already delivered stand. The payload is answer's to keep. answer must
// not block: it holds up all answers of the connection.
//
// cancel gives the request up: the other side's context ends, and no answer is
// delivered any more, save one whose delivery has already begun. It may be
// called at any time, more than once, and from within answer.
//
// payload is not retained. Any goroutine may call Send and cancel.
func (p *Peer) Send(addr string, kind byte, payload []byte,
	answer func(payload []byte, last bool, err error),
) (cancel func(), err error) {
	if len(payload) > MaxPayloadBytes {
		return nil, fmt.Errorf("%w: the request has %d bytes, %d are allowed", ErrTooLarge, len(payload), MaxPayloadBytes)
	}
	l, err := p.link(addr)
	if err != nil {
		return nil, err
	}
	conn, err := l.connect()
	if err != nil {
		return nil, fmt.Errorf("send to %s: %w", addr, err)
	}
	cancel, err = conn.send(kind, payload, answer)
	if err != nil {
		return nil, fmt.Errorf("send to %s: %w", addr, err)
	}
	return cancel, nil
}

// link finds or makes the link to an address.
func (p *Peer) link(addr string) (*link, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	l := p.links[addr]
	if l == nil {
		if len(p.links) >= maxDestinations {
			return nil, fmt.Errorf("%w: %d destinations are in use", ErrQueueFull, len(p.links))
		}
		l = &link{peer: p, addr: addr}
		p.links[addr] = l
	}
	return l, nil
}

// connect returns the open connection, or dials. Of concurrent calls one dials.
func (l *link) connect() (*outgoing, error) {
	l.mu.Lock()
	for l.dialing != nil {
		over := l.dialing
		l.mu.Unlock()
		<-over
		l.mu.Lock()
	}
	defer l.mu.Unlock()
	if l.conn != nil && !l.conn.ended() {
		return l.conn, nil
	}
	if !l.dialled.IsZero() && time.Since(l.dialled) < redialAfter {
		return nil, fmt.Errorf("%w: %w", ErrRedial, l.lastFailure())
	}
	l.dialing = make(chan struct{})
	l.mu.Unlock()
	conn, err := l.peer.dialLink(l.addr)
	l.mu.Lock()
	close(l.dialing)
	l.conn, l.refused, l.dialled, l.dialing = conn, err, time.Now(), nil
	return conn, err
}

// lastFailure says why there is no connection after a dial; l.mu is held.
func (l *link) lastFailure() error {
	if l.refused != nil {
		return l.refused
	}
	return l.conn.cause // stands, as the connection has ended
}

// dialLink opens a link connection and starts serving it.
func (p *Peer) dialLink(addr string) (*outgoing, error) {
	conn, raw, err := p.dial(p.lifetime, addr, purposeLink, p.config.DialTimeout)
	if err != nil {
		return nil, err
	}
	o := newOutgoing(newWire(conn, raw, p.config.PingTimeout), addr)
	if !p.conns.add(o.wire) {
		_ = raw.Close()
		return nil, ErrClosed
	}
	p.config.Logger.Debug("peer link opened", "to", addr)
	go func() {
		defer p.conns.remove(o.wire)
		o.run(p.config.PingEvery)
		p.config.Logger.Debug("peer link ended", "to", addr, "cause", o.cause)
	}()
	return o, nil
}
