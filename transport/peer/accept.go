package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// accept takes connections until the listener is closed.
func (p *Peer) accept() {
	defer p.accepting.Done()
	for {
		raw, err := p.listener.Accept()
		switch {
		case err == nil && p.admit(raw):
			go p.greet(raw)
		case err == nil:
			_ = raw.Close()
		case errors.Is(err, net.ErrClosed):
			return
		default:
			p.config.Logger.Error("cannot accept peer connections", "error", err)
			select {
			case <-p.lifetime.Done():
				return
			case <-time.After(acceptRetry):
			}
		}
	}
}

// admit counts a connection in, unless there are too many.
func (p *Peer) admit(raw net.Conn) bool {
	open := p.conns.size() + p.stream.served.size()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.greeting >= maxGreeting || open >= maxAccepted || !p.conns.add(greeting{raw}) {
		return false
	}
	p.greeting++
	return true
}

// greet shakes hands with an accepted connection and hands it on.
func (p *Peer) greet(raw net.Conn) {
	defer p.conns.remove(greeting{raw})
	conn, h, err := p.welcome(raw)
	p.mu.Lock()
	p.greeting--
	p.mu.Unlock()
	switch {
	case err != nil:
		_ = raw.Close()
		p.complain(raw, err)
	case h.purpose == purposeRaft:
		p.stream.offer(conn, raw)
	default:
		p.serveLink(conn, raw, h)
	}
}

// serveLink starts serving a link that another node has dialled.
func (p *Peer) serveLink(conn, raw net.Conn, h *hello) {
	in := newIncoming(newWire(conn, raw, p.config.PingTimeout), p.served())
	if !p.conns.add(in.wire) {
		_ = raw.Close()
		return
	}
	go func() {
		defer p.conns.remove(in.wire)
		logger := p.config.Logger.With("from", h.name, "remote", raw.RemoteAddr())
		logger.Debug("peer link accepted")
		cause := in.run()
		logger.Debug("peer link ended", "cause", cause)
	}()
}

// welcome does the accepting side's part of the handshake. Without an error the
// connection is welcome and has no deadline left.
func (p *Peer) welcome(raw net.Conn) (net.Conn, *hello, error) {
	deadline := time.Now().Add(greetTimeout)
	if err := raw.SetDeadline(deadline); err != nil {
		return nil, nil, err
	}
	conn := raw
	if p.config.TLS != nil {
		ctx, cancel := context.WithDeadline(p.lifetime, deadline)
		defer cancel()
		secure := tls.Server(raw, p.config.TLS)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, nil, err
		}
		conn = secure
	}
	h, err := readHello(conn)
	if err != nil {
		return nil, nil, err
	}
	a := p.judge(h)
	if _, err := conn.Write(a.append(nil)); err != nil {
		return nil, nil, err
	}
	if a.status != statusWelcome {
		return nil, nil, fmt.Errorf("%w: %s", refusals[a.status], a.text)
	}
	return conn, h, raw.SetDeadline(time.Time{})
}

// complain logs a connection turned away: at most one warning a second, since
// whoever is turned away may come back at once. Load balancers that open and
// close a connection are no news.
func (p *Peer) complain(raw net.Conn, err error) {
	if errors.Is(err, io.EOF) || p.lifetime.Err() != nil {
		return
	}
	p.mu.Lock()
	p.unsaid++
	count, now := p.unsaid, time.Now()
	due := now.Sub(p.complained) >= complainEvery
	if due {
		p.complained, p.unsaid = now, 0
	}
	p.mu.Unlock()
	if due {
		p.config.Logger.Warn("peer connection turned away", "remote", raw.RemoteAddr(), "error", err, "count", count)
	}
}
