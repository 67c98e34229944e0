package peer

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// A servedConn is a raft connection on its accepting side. The transport reads
// and writes it without deadlines, so it brings its own: between two messages it
// may lie idle, but a message that has begun has to go on within RPCTimeout,
// since raft reads a snapshot on the goroutine that does everything else.
type servedConn struct {
	net.Conn
	raw     net.Conn
	stream  *stream
	waiting bool // between two messages; the transport's goroutine only
	closing sync.Once
}

// Read implements net.Conn. The end of the connection between two messages is
// io.EOF however it came about, as the transport reports anything else as an
// error of the peer.
func (c *servedConn) Read(b []byte) (int, error) {
	var deadline time.Time
	if !c.waiting {
		deadline = time.Now().Add(c.stream.peer.config.RPCTimeout)
	}
	if err := c.Conn.SetReadDeadline(deadline); err != nil {
		return 0, io.EOF
	}
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.waiting = false
	} else if err != nil && (c.waiting || errors.Is(err, net.ErrClosed)) {
		err = io.EOF
	}
	return n, err
}

// Write implements net.Conn. A response ends a message.
func (c *servedConn) Write(b []byte) (int, error) {
	c.waiting = true
	if err := c.Conn.SetWriteDeadline(time.Now().Add(c.stream.peer.config.RPCTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// Close implements net.Conn; it is the last act of the transport's goroutine.
func (c *servedConn) Close() error {
	c.closing.Do(func() {
		c.cut()
		c.stream.served.remove(c)
	})
	return nil
}

func (c *servedConn) cut() { _ = c.raw.Close() }

// A dialledConn is a raft connection on its dialling side. The transport keeps
// idle ones without watching them, so after a peer's restart its pool is full of
// dead connections, each of which would cost a vote. A dialledConn that finds
// itself closed by the peer when a new message begins dials again instead.
type dialledConn struct {
	stream *stream
	addr   string

	closing  sync.Once
	idle     bool      // the last message was answered; the transport's goroutine only
	deadline time.Time // of the message under way; the transport's goroutine only

	mu   sync.Mutex // guards what follows, which cut reads from another goroutine
	conn net.Conn
	raw  net.Conn
	over bool
}

// dial opens the connection, or replaces it.
func (c *dialledConn) dial(timeout time.Duration) error {
	p := c.stream.peer
	conn, raw, err := p.dial(c.stream.lifetime, c.addr, purposeRaft, min(timeout, p.config.DialTimeout))
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.raw != nil {
		_ = c.raw.Close()
	}
	c.conn, c.raw = conn, raw
	if c.over {
		_ = raw.Close()
		return net.ErrClosed
	}
	return nil
}

// current returns the connection in use.
func (c *dialledConn) current() (conn, raw net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn, c.raw
}

// Read implements net.Conn.
func (c *dialledConn) Read(b []byte) (int, error) {
	conn, _ := c.current()
	n, err := conn.Read(b)
	c.idle = n > 0
	return n, err
}

// Write implements net.Conn. The first write after a read begins a message.
func (c *dialledConn) Write(b []byte) (int, error) {
	conn, raw := c.current()
	if c.idle && hungUp(raw) {
		if err := c.dial(time.Until(c.deadline)); err != nil {
			return 0, err
		}
		conn, _ = c.current()
		if err := conn.SetDeadline(c.deadline); err != nil {
			return 0, err
		}
	}
	c.idle = false
	return conn.Write(b)
}

// Close implements net.Conn. The transport calls it more than once.
func (c *dialledConn) Close() error {
	c.closing.Do(func() {
		c.cut()
		c.stream.dialled.remove(c)
	})
	return nil
}

func (c *dialledConn) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	_ = c.raw.Close()
}

// LocalAddr implements net.Conn.
func (c *dialledConn) LocalAddr() net.Addr { _, raw := c.current(); return raw.LocalAddr() }

// RemoteAddr implements net.Conn.
func (c *dialledConn) RemoteAddr() net.Addr { _, raw := c.current(); return raw.RemoteAddr() }

// SetDeadline implements net.Conn; the transport sets it for each message.
func (c *dialledConn) SetDeadline(t time.Time) error {
	c.deadline = t
	conn, _ := c.current()
	return conn.SetDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (c *dialledConn) SetReadDeadline(t time.Time) error {
	conn, _ := c.current()
	return conn.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (c *dialledConn) SetWriteDeadline(t time.Time) error {
	conn, _ := c.current()
	return conn.SetWriteDeadline(t)
}
