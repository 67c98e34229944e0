package virtual

import (
	"context"
	"net"
	"sync"
)

// doors are a node's client port: an in-memory net.Listener.
type doors struct {
	knocks chan net.Conn
	shut   chan struct{}
	once   sync.Once

	mu    sync.Mutex
	conns []net.Conn
}

func newDoors() *doors { return &doors{knocks: make(chan net.Conn), shut: make(chan struct{})} }

type address string

func (address) Network() string  { return "memory" }
func (a address) String() string { return string(a) }

func (d *doors) Addr() net.Addr { return address("doors") }

func (d *doors) Accept() (net.Conn, error) {
	select {
	case conn := <-d.knocks:
		return conn, nil
	case <-d.shut:
		return nil, net.ErrClosed
	}
}

func (d *doors) Close() error {
	d.once.Do(func() { close(d.shut) })
	return nil
}

// close also cuts every connection, so that nothing more comes out.
func (d *doors) close() {
	_ = d.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, conn := range d.conns {
		_ = conn.Close()
	}
	d.conns = nil
}

func (d *doors) enter(ctx context.Context) (net.Conn, error) {
	outside, inside := net.Pipe()
	d.mu.Lock()
	d.conns = append(d.conns, inside)
	d.mu.Unlock()
	select {
	case d.knocks <- inside:
		return outside, nil
	case <-d.shut:
	case <-ctx.Done():
	}
	_ = inside.Close()
	return nil, errRefused
}

// dial connects a client with the node that the address names.
func (w *network) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	name, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	p := w.port(name)
	if p == nil {
		return nil, errRefused
	}
	return p.doors.enter(ctx)
}
