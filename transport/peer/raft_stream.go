package peer

import (
	"context"
	"net"
	"time"

	"github.com/hashicorp/raft"
)

// A stream is the raft.StreamLayer of the peer port.
type stream struct {
	peer     *Peer
	served   *connSet // the connections accepted
	dialled  *connSet // those dialled; the transport forgets to close idle ones, so nobody waits for them
	accepted chan *servedConn
	lifetime context.Context // ends with Close
	end      context.CancelFunc
}

func newStream(p *Peer) *stream {
	s := &stream{peer: p, served: newConnSet(), dialled: newConnSet(), accepted: make(chan *servedConn, maxRaftBacklog)}
	s.lifetime, s.end = context.WithCancel(p.lifetime)
	return s
}

// offer hands an accepted connection to the raft transport.
func (s *stream) offer(conn, raw net.Conn) {
	c := &servedConn{Conn: conn, raw: raw, stream: s, waiting: true}
	if !s.served.add(c) {
		_ = raw.Close()
		return
	}
	select {
	case s.accepted <- c:
	case <-s.lifetime.Done():
		_ = c.Close()
	}
}

// Accept implements net.Listener.
func (s *stream) Accept() (net.Conn, error) {
	select {
	case <-s.lifetime.Done():
		return nil, net.ErrClosed
	case c := <-s.accepted:
		return c, nil
	}
}

// Addr implements net.Listener. Raft tells it to the other nodes.
func (s *stream) Addr() net.Addr { return s.peer.advertise }

// Dial implements raft.StreamLayer.
func (s *stream) Dial(to raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	c := &dialledConn{stream: s, addr: string(to)}
	if err := c.dial(timeout); err != nil {
		return nil, err
	}
	if !s.dialled.add(c) {
		c.cut()
		return nil, net.ErrClosed
	}
	return c, nil
}

// Close implements net.Listener: it ends raft's connections too, which the
// transport would leave open. It does not wait; the transport may hold locks.
func (s *stream) Close() error {
	s.end()
	s.served.close()
	s.dialled.close()
	return nil
}

// wait returns when the transport serves no connection any more. The stream is
// closed, and nobody offers connections.
func (s *stream) wait() {
	for {
		select {
		case c := <-s.accepted:
			_ = c.Close()
			continue
		default:
		}
		break
	}
	s.served.wait()
}
